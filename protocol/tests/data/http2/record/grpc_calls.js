// The same with grpc-js at both ends.
// usage: grpc_calls.js CLIENT_PORT SERVER_PORT TRUTH   (NODE_PATH must find @grpc/grpc-js)
const fs = require('fs');
const grpc = require('@grpc/grpc-js');

const [clientPort, serverPort, truth] = process.argv.slice(2);
const raw = (it) => it;
const method = (name, requestStream, responseStream) => ({
  path: `/shop.v1.Orders/${name}`,
  requestStream,
  responseStream,
  requestSerialize: raw,
  requestDeserialize: raw,
  responseSerialize: raw,
  responseDeserialize: raw,
});
const served = {
  Get: method('Get', false, false),
  List: method('List', false, true),
  Collect: method('Collect', true, false),
  Chat: method('Chat', true, true),
};
const server = new grpc.Server();
server.addService(served, {
  Get: (call, done) =>
    call.request.toString() === 'missing'
      ? done({ code: grpc.status.NOT_FOUND, details: 'no such order' })
      : done(null, Buffer.from('ok')),
  List: (call) => {
    for (let i = 0; i < 3; i++) call.write(Buffer.from(`item ${i}`));
    call.end();
  },
  Collect: (call, done) => {
    let count = 0;
    call.on('data', () => count++);
    call.on('end', () => done(null, Buffer.from(`${count}`)));
  },
  Chat: (call) => {
    call.on('data', (data) => call.write(data));
    call.on('end', () => call.end());
  },
});

const names = Object.fromEntries(Object.entries(grpc.status).map(([name, code]) => [code, name]));
const context = (i) =>
  `00-${(i + 1).toString(16).padStart(32, '0')}-${(i + 1).toString(16).padStart(16, '0')}-01`;

async function main() {
  await new Promise((done, failed) =>
    server.bindAsync(`127.0.0.1:${serverPort}`, grpc.ServerCredentials.createInsecure(), (e) =>
      e ? failed(e) : done()));
  const client = new grpc.Client(`127.0.0.1:${clientPort}`, grpc.credentials.createInsecure());
  const lines = [];
  const one = (i, name, kind, messages) =>
    new Promise((done) => {
      const metadata = new grpc.Metadata();
      metadata.set('traceparent', context(i));
      const path = `/shop.v1.Orders/${name}`;
      let received = 0;
      const end = (status) => {
        lines.push(`shop.v1.Orders/${name} ${names[status]} ${messages.length} ${received} ${context(i)}\n`);
        done();
      };
      const reply = (error) => {
        if (!error) received = 1;
        end(error ? error.code : 0);
      };
      if (kind === 'unary') {
        client.makeUnaryRequest(path, raw, raw, messages[0], metadata, reply);
      } else if (kind === 'collect') {
        const call = client.makeClientStreamRequest(path, raw, raw, metadata, reply);
        messages.forEach((it) => call.write(it));
        call.end();
      } else {
        const call = kind === 'list'
          ? client.makeServerStreamRequest(path, raw, raw, messages[0], metadata)
          : client.makeBidiStreamRequest(path, raw, raw, metadata);
        call.on('data', () => received++);
        call.on('error', () => {});
        call.on('status', (status) => end(status.code));
        if (kind === 'chat') {
          messages.forEach((it) => call.write(it));
          call.end();
        }
      }
    });
  const text = (...it) => it.map((each) => Buffer.from(each));
  let i = 0;
  for (let round = 0; round < 4; round++) {
    await Promise.all([
      one(i++, 'Get', 'unary', text('apple')),
      one(i++, 'Get', 'unary', text('x'.repeat(3000))),
      one(i++, 'List', 'list', text('all')),
      one(i++, 'Collect', 'collect', text('a', 'b', 'c')),
      one(i++, 'Chat', 'chat', text('hello', 'bye')),
      one(i++, 'Get', 'unary', text('missing')),
      one(i++, 'Nothing', 'unary', text('')),
    ]);
  }
  fs.writeFileSync(truth, lines.join(''));
  process.exit(0);
}
main();
