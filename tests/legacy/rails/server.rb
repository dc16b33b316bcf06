# A real Rails application whose sessions the gateway reads. Its one argument is JSON:
# { port, store: "cookie" | "redis" | "authentication" | "devise", serializer: "json" | "marshal", url, database }.
# Everything but the login is checked for forged requests; a page of it would find the token in the cookie `csrf_token`.
require "json"
require "action_controller/railtie"
require "active_support/core_ext/numeric/time"

OPTIONS = JSON.parse(ARGV.fetch(0), symbolize_names: true)
if OPTIONS[:store] == "devise"
  ENV["DATABASE_URL"] = "sqlite3:#{OPTIONS.fetch(:database)}"
  require "active_record/railtie"
  require "devise"
  require "devise/orm/active_record"
end

CONTROLLERS = Hash.new(:plain).merge("authentication" => :authentication, "devise" => :account)

class Application < Rails::Application
  config.root = __dir__
  config.load_defaults 6.1
  config.secret_key_base = "sekrit"
  config.eager_load = false
  config.hosts.clear
  config.logger = Logger.new($stderr)
  config.log_level = :warn
  config.action_dispatch.cookies_serializer = OPTIONS.fetch(:serializer, "json").to_sym
  if OPTIONS[:store] == "redis"
    require "redis-actionpack"
    servers = ["#{OPTIONS[:url]}/0/rack:session"]
    config.session_store ActionDispatch::Session::RedisStore, servers: servers, key: "_app_session", expire_after: 1.hour
  else
    config.session_store :cookie_store, key: "_app_session", expire_after: 1.hour
  end

  initializer "controllers" do
    require_relative "plain"
    require_relative OPTIONS[:store] if CONTROLLERS.key?(OPTIONS[:store])
  end
end

Application.initialize!
require "puma"
server = Puma::Server.new(Rails.application)
server.add_tcp_listener("127.0.0.1", OPTIONS.fetch(:port).to_i)
%w[INT TERM].each { |name| trap(name) { Thread.new { server.stop } } }
server.run.join
