// A RabbitMQ client that does what standard input says, and prints one line for each.
//
// amqplib_session.js PORT
//
// open                                 connects: "done"
// publish EXCHANGE KEY BODY [NAME=VALUE...]
//                                      publishes and waits for the confirm; properties (messageId,
//                                      correlationId) and headers (traceparent); "-" is the
//                                      default exchange: "done"
// consume QUEUE COUNT                  receives so many messages without acks: "BODY ..."

const amqp = require("amqplib");

let channel;

const commands = {
  open: async () => {
    const connection = await amqp.connect(`amqp://guest:guest@127.0.0.1:${process.argv[2]}`);
    channel = await connection.createConfirmChannel();
    return "done";
  },
  publish: async (exchange, key, body, ...named) => {
    const options = { headers: {} };
    for (const pair of named) {
      const [name, value] = pair.split("=");
      (name === "traceparent" ? options.headers : options)[name] = value;
    }
    channel.publish(exchange === "-" ? "" : exchange, key, Buffer.from(body), options);
    await channel.waitForConfirms();
    return "done";
  },
  consume: (queue, count) =>
    new Promise((resolve) => {
      const got = [];
      channel.consume(
        queue,
        (message) => {
          got.push(message.content.toString());
          if (got.length === Number(count)) {
            channel.cancel(message.fields.consumerTag);
            resolve(got.join(" "));
          }
        },
        { noAck: true },
      );
    }),
};

let queue = Promise.resolve();
require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [command, ...rest] = line.split(" ");
    queue = queue.then(() => commands[command](...rest)).then((answer) => console.log(answer));
  })
  .on("close", () => process.exit());
