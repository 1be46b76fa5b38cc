// A Node service that answers after 50 milliseconds, and asks for /tick/N every 5 on its own account,
// from the start or, with LATER, once a first request has come.
//
// ticks.js PORT NEXT [LATER]
//
// NEXT is the host:port to ask.

const http = require('node:http');

const [port, next, later] = process.argv.slice(2);
const [host, nextPort] = next.split(':');
const agent = new http.Agent({ keepAlive: true });

let tick = 0;
function ask() {
  http
    .get({ host, port: nextPort, path: `/tick/${tick++}`, agent }, (response) => response.resume())
    .on('error', () => {});
}

let timer = later ? undefined : setInterval(ask, 5);

http
  .createServer((request, response) => {
    timer ??= setInterval(ask, 5);
    setTimeout(() => response.end('done'), 50);
  })
  .listen(Number(port), '127.0.0.1');
