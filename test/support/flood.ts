import { connect } from 'node:net';

/*
 * Clients that send requests without end and never read an answer, in a process of their own: they are not to slow down the test that
 * looks on. Started with fork(), with the order in the variable FLOOD; it says when all has been sent.
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
