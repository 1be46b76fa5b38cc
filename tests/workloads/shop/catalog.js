// What the shop sells: a Node service over PostgreSQL, with Redis as its cache.
//
// catalog.js PORT POSTGRES_URL REDIS_PORT

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
    let item = await cache.get(key);
    if (item === null) {
      const found = await pool.query('SELECT id, name FROM items WHERE id = $1', [
        request.params.id,
      ]);
      if (found.rows.length === 0) return response.status(404).json({ error: 'no such item' });
      item = JSON.stringify(found.rows[0]);
      await cache.set(key, item, 'EX', 2);
    }
    response.type('json').send(item);
  } catch (error) {
    next(error);
  }
});

app.listen(Number(port), '127.0.0.1');
