// A MariaDB client that does what standard input says, and prints a line for each: "done", or the
// error's number and SQLSTATE. It connects when it is told something for the first time.
//
// mysql2_session.js PORT DATABASE
//
// query SQL               text protocol; several statements separated by semicolons
// execute SQL | VALUE...  prepared statement, kept for next time

const mysql = require("mysql2/promise");

const [port, database] = process.argv.slice(2);
let opened;
const open = () => {
  opened ??= mysql.createConnection({
    host: "127.0.0.1",
    port: Number(port),
    user: "root",
    database,
    multipleStatements: true,
  });
  return opened;
};

const execute = async (rest) => {
  const [sql, values] = rest.split(" | ");
  await (await open()).execute(sql, values ? values.split(" ") : []);
};
const commands = {
  query: async (sql) => void (await (await open()).query(sql)),
  execute,
};

let queue = Promise.resolve();
require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const space = line.indexOf(" ");
    const [command, rest] = space < 0 ? [line] : [line.slice(0, space), line.slice(space + 1)];
    queue = queue
      .then(() => commands[command](rest))
      .then(
        () => "done",
        (error) => `error ${error.errno} ${error.sqlState}`,
      )
      .then((answer) => console.log(answer));
  })
  .on("close", () => process.exit());
