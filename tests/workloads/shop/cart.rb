# Orders: a Ruby service on WEBrick, over PostgreSQL, with counters in Redis.
#
# cart.rb PORT POSTGRES_URL REDIS_PORT

require 'json'
require 'pg'
require 'redis'
require 'webrick'

port, url, redis_port = ARGV
redis = Redis.new(port: Integer(redis_port))

server = WEBrick::HTTPServer.new(
  BindAddress: '127.0.0.1', Port: Integer(port),
  Logger: WEBrick::Log.new(File::NULL), AccessLog: []
)
server.mount_proc('/order') do |request, response|
  item = Integer(request.path.split('/').last)
  database = Thread.current[:database] ||= PG.connect(url)
  begin
    # Only what is in stock can be sold: the table's own constraint says no.
    database.exec_params('UPDATE stock SET left_over = left_over - 1 WHERE item = $1', [item])
    row = database.exec_params('INSERT INTO orders (item) VALUES ($1) RETURNING id', [item])
    redis.incr("sold:#{item}")
    response.body = JSON.generate(order: row[0]['id'])
  rescue PG::CheckViolation
    response.status = 500
    response.body = JSON.generate(error: 'out of stock')
  end
  response['Content-Type'] = 'application/json'
end
trap('TERM') { server.shutdown }
server.start
