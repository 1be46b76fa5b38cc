// A Node service that answers after 50 milliseconds, and asks for /tick/N every 5 on its own account.
//
// ticks.js PORT NEXT
//
// NEXT is the host:port to ask.

const http = require('node:http');

const [port, next] = process.argv.slice(2);
const [host, nextPort] = next.split(':');
const agent = new http.Agent({ keepAlive: true });

let tick = 0;
setInterval(() => {
  http
    .get({ host, port: nextPort, path: `/tick/${tick++}`, agent }, (response) => response.resume())
    .on('error', () => {});
}, 5);

http
  .createServer((request, response) => {
    setTimeout(() => response.end('done'), 50);
  })
  .listen(Number(port), '127.0.0.1');
