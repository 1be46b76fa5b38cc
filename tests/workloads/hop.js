// A Node service that passes each request on and answers with what came back.
//
// hop.js PORT NEXT [MODE] [DELAY_MS]
//
// NEXT is the host:port to ask, with the same path. MODE says when it asks:
//
//     inline      in the request's own event
//     immediate   in a setImmediate callback
//     timeout     in a setTimeout callback, after up to DELAY_MS milliseconds
//     twice       inline, and once more when the first answer is there

const http = require('node:http');

const [port, next, mode = 'inline', delay = '0'] = process.argv.slice(2);
const [host, nextPort] = next.split(':');
const agent = new http.Agent({ keepAlive: true });

function ask(path) {
  return new Promise((resolve, reject) => {
    const request = http.get({ host, port: nextPort, path, agent }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve(Buffer.concat(parts)));
    });
    request.on('error', reject);
  });
}

const modes = {
  inline: ask,
  immediate: (path) => new Promise((resolve) => setImmediate(resolve)).then(() => ask(path)),
  timeout: (path) =>
    new Promise((resolve) => setTimeout(resolve, Math.random() * Number(delay))).then(() =>
      ask(path),
    ),
  twice: async (path) => {
    await ask(path);
    return ask(path);
  },
};

http
  .createServer(async (request, response) => {
    try {
      const body = await modes[mode](request.url);
      response.writeHead(200, { 'Content-Length': body.length });
      response.end(body);
    } catch (error) {
      response.writeHead(502);
      response.end(String(error));
    }
  })
  .listen(Number(port), '127.0.0.1', 1024);
