import { type Profiler, Session } from 'node:inspector/promises';

/*
 * Profiles the server process that loads this module first, whenever its parent asks.
 */

/** `cpu` and `calls` begin a profile of one kind, and `stop` ends it. Each is answered with a `ProfilerReply`. */
export type ProfilerRequest = { profiler: 'cpu' | 'calls' | 'stop' };
export type ProfilerReply = { cpu?: Profiler.Profile; calls?: FunctionCalls };

export type FunctionCalls = { url: string; name: string; count: number }[];

const sampleEveryUs = 250;
const session = new Session();
session.connect();
let kind: ProfilerRequest['profiler'] = 'stop';

process.on('message', async (message: ProfilerRequest | object) => {
  if (!('profiler' in message)) return;
  const reply = message.profiler === 'stop' ? await stop() : await start(message.profiler);
  process.send?.(reply);
});

async function start(wanted: 'cpu' | 'calls'): Promise<ProfilerReply> {
  kind = wanted;
  await session.post('Profiler.enable');
  if (wanted === 'cpu') {
    await session.post('Profiler.setSamplingInterval', { interval: sampleEveryUs });
    await session.post('Profiler.start');
  } else await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  return {};
}

async function stop(): Promise<ProfilerReply> {
  if (kind === 'cpu') return { cpu: (await session.post('Profiler.stop')).profile };
  const { result } = await session.post('Profiler.takePreciseCoverage');
  await session.post('Profiler.stopPreciseCoverage');
  await session.post('Profiler.disable');
  const calls = result.flatMap(({ url, functions }) =>
    functions.map(({ functionName, ranges }) => ({ url, name: functionName, count: ranges[0]?.count ?? 0 })),
  );
  return { calls: calls.filter(({ count }) => count > 0) };
}
