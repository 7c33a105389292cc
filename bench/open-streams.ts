import { ask, endProcess, startProcess } from './processes.ts';
import type { RecordedSite } from './recorded-site.ts';
import type { StreamsOpen, StreamsRequest } from './stream-clients.ts';

/** Passes on a function that opens streams at the first server until there are this many. All are closed afterward. */
export async function withStreams(
  { servers: [server], cookies }: RecordedSite,
  measure: (openUntil: (streams: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  if (!server) throw new Error('There is no server');
  const clients = startProcess('stream-clients.ts');
  const { url, host } = server;
  try {
    await measure(async (streams) => {
      const request: StreamsRequest = { port: Number(new URL(url).port), host, cookies, streams };
      const { open, error } = await ask<StreamsOpen>(clients, request);
      if (error !== null || open !== streams)
        throw new Error(`${open} of ${streams} streams are open: ${error}`);
    });
  } finally {
    await endProcess(clients);
  }
}
