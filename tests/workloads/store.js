// A Node service over PostgreSQL and Redis, with express, pg and ioredis.
//
// store.js PORT POSTGRES_URL REDIS_PORT

const express = require('express');
const Redis = require('ioredis');
const { Pool } = require('pg');

const [port, url, redisPort] = process.argv.slice(2);
const pool = new Pool({ connectionString: url });
const cache = new Redis(Number(redisPort));
const app = express();

app.get('/item/:id', async (request, response, next) => {
  try {
    const key = `item:${request.params.id}`;
    let name = await cache.get(key);
    if (name === null) {
      const result = await pool.query('SELECT name FROM items WHERE id = $1', [request.params.id]);
      name = result.rows.length > 0 ? result.rows[0].name : 'nothing';
      await cache.set(key, name);
    }
    response.type('text/plain').send(name);
  } catch (error) {
    next(error);
  }
});

app.get('/', (request, response) => response.send('ok'));
app.listen(Number(port), '127.0.0.1');
