import { connect } from 'node:net';
import { workerData } from 'node:worker_threads';

/*
 * A worker that opens many connections and counts them in shared memory. It has its own thread because the server's may be blocked.
 */
export type ConnectOptions = { port: number; count: number; connected: Int32Array };

const { port, count, connected } = workerData as ConnectOptions;
for (let client = 0; client < count; client += 1) {
  connect({ port, host: '127.0.0.1' })
    .on('error', () => undefined)
    .once('connect', () => {
      if (Atomics.add(connected, 0, 1) + 1 === count) Atomics.notify(connected, 0);
    });
}
