import { createHttp } from '../src/spotify/http.ts';

/* Makes calls to Spotify through the product's client, in a process started with fork() with http-adapter.ts. */
export type CallsRequest = { apiUrl: string; token: string; calls: number; atOnce: number };

/** Sent once all calls are answered. */
export type CallsReply = { ms: number; bytes: number };

process.on('message', async ({ apiUrl, token, calls, atOnce }: CallsRequest) => {
  const http = createHttp({ baseUrl: apiUrl, deadlineMs: 60_000 });
  const remaining = Array.from({ length: calls }).values();
  const startedAt = performance.now();
  let bytes = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const _ of remaining) {
        const response = await http({
          method: 'GET',
          path: '/me/playlists',
          query: { limit: 50, offset: 0 },
          authorization: `Bearer ${token}`,
        });
        if (response.status !== 200 || response.json === undefined) throw new Error(`${response.status}`);
        bytes = response.text.length;
      }
    }),
  );
  process.send?.({ ms: performance.now() - startedAt, bytes } satisfies CallsReply);
});
process.once('disconnect', () => process.exit());
