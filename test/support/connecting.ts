import { connect } from 'node:net';
import { workerData } from 'node:worker_threads';

/*
 * Connects many times, in a thread of its own so that the server's thread may stand still meanwhile, and counts in shared memory.
 */
export type Connecting = { port: number; count: number; connected: Int32Array };

const { port, count, connected } = workerData as Connecting;
for (let client = 0; client < count; client += 1) {
  connect({ port, host: '127.0.0.1' })
    .on('error', () => undefined)
    .once('connect', () => {
      if (Atomics.add(connected, 0, 1) + 1 === count) Atomics.notify(connected, 0);
    });
}
