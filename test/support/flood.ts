import { connect } from 'node:net';

/*
 * Clients that send many requests and never read a response. They run in another process, started with fork(), so that they don't slow
 * down the test. The variable FLOOD has the options; a message reports when everything was sent.
 */
export type Flood = { port: number; connections: number; requestsEach: number; path: string };

const { port, connections, requestsEach, path } = JSON.parse(process.env.FLOOD ?? '') as Flood;
const requests = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`.repeat(requestsEach);
let sent = 0;
for (let client = 0; client < connections; client += 1) {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined).pause();
  socket.write(requests, () => {
    sent += 1;
    if (sent === connections) process.send?.('sent');
  });
}
process.once('disconnect', () => process.exit());
