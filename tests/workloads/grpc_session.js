// A gRPC client with one connection that does what standard input says, and prints a line for
// each: how the call ended, and what came. The commands are those of grpc_session.py.
//
// grpc_session.js PORT

const grpc = require("@grpc/grpc-js");

const as_it_is = (bytes) => bytes;
const client = new grpc.Client(`127.0.0.1:${process.argv[2]}`, grpc.credentials.createInsecure());
const path = (method) => `/shop.Orders/${method}`;
const codes = (method) => [path(method), as_it_is, as_it_is];

const unary = (key, options = {}) =>
  new Promise((resolve, reject) => {
    client.makeUnaryRequest(...codes("Get"), Buffer.from(key), options, (error, response) =>
      error ? reject(error) : resolve(`OK ${response}`),
    );
  });

// An open bidirectional call.
class Chat {
  constructor() {
    this.call = client.makeBidiStreamRequest(...codes("Chat"));
    this.ended = new Promise((resolve) => {
      this.call.on("status", (status) => resolve(grpc.status[status.code]));
    });
    this.call.on("error", () => {});
    this.call.on("data", (bytes) => this.arrived(bytes.toString()));
  }

  say(text) {
    return new Promise((resolve) => {
      this.arrived = resolve;
      this.call.write(Buffer.from(text));
    });
  }

  end() {
    this.call.end();
    return this.ended;
  }
}

const commands = {
  get: (key) => unary(key),
  deadline: (milliseconds) => unary("slow", { deadline: Date.now() + Number(milliseconds) }),
  list: (count) =>
    new Promise((resolve, reject) => {
      let came = 0;
      client
        .makeServerStreamRequest(...codes("List"), Buffer.from(count))
        .on("data", () => (came += 1))
        .on("error", reject)
        .on("end", () => resolve(`OK ${came}`));
    }),
  upload: (count) =>
    new Promise((resolve, reject) => {
      const call = client.makeClientStreamRequest(...codes("Upload"), (error, response) =>
        error ? reject(error) : resolve(`OK ${response}`),
      );
      for (let number = 0; number < Number(count); number += 1) call.write(Buffer.from("item"));
      call.end();
    }),
  chat: async (count) => {
    const call = new Chat();
    for (let number = 0; number < Number(count); number += 1) await call.say(`${number}`);
    return `${await call.end()} ${count}`;
  },
  hold: async (count) => {
    const calls = Array.from({ length: Number(count) }, () => new Chat());
    await Promise.all(calls.map((call) => call.say("hello")));
    const ends = await Promise.all(calls.map((call) => call.end()));
    return `${[...new Set(ends)].join(" ")} ${count}`;
  },
};

let queue = Promise.resolve();
require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [command, argument] = line.split(" ");
    queue = queue
      .then(() => commands[command](argument))
      .catch((error) => grpc.status[error.code])
      .then((answer) => console.log(answer));
  })
  .on("close", () => process.exit());
