# A real Rails application whose sessions the gateway reads. Its one argument is JSON:
# { port, store: "cookie" | "redis" | "authentication", serializer: "json" | "marshal", url, database }.
# Everything but the login is checked for forged requests; a page of it would find the token in the cookie `csrf_token`.
require "json"
require "action_controller/railtie"
require "active_support/core_ext/numeric/time"

OPTIONS = JSON.parse(ARGV.fetch(0), symbolize_names: true)

class Application < Rails::Application
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
end

Application.initialize!

# Where a session has the user: as plain applications do it.
class PlainController < ActionController::Base
  skip_forgery_protection only: :login

  def login
    reset_session
    session[:user_id] = params[:user]
    session[:roles] = ["staff", { "level" => 3 }]
    cookies[:csrf_token] = form_authenticity_token
    render plain: "in"
  end

  def logout
    reset_session
    render plain: "out"
  end

  def rotate
    request.session_options[:renew] = true
    session[:rotated] = true
    render plain: "rotated"
  end

  def expire
    if OPTIONS[:store] == "redis"
      request.session_options[:skip] = true # it is not written again with the answer
      Redis.new(url: OPTIONS[:url]).expire("rack:session:#{session.id.private_id}", 0)
    else
      request.session_options[:expire_after] = -1.hour
      session[:expired] = true
    end
    render plain: "expired"
  end

  def note
    session[:notes] = [*session[:notes], params[:text]]
    render plain: "#{session[:user_id]}:#{session[:notes].size}"
  end

  def who
    render plain: session[:user_id].to_s
  end
end

require_relative "authentication" if OPTIONS[:store] == "authentication"
Rails.application.routes.draw do
  controller = OPTIONS[:store] == "authentication" ? :authentication : :plain
  %i[login logout rotate expire note].each { |name| post name, controller: controller, action: name }
  get :who, controller: controller, action: :who
end

require "puma"
server = Puma::Server.new(Rails.application)
server.add_tcp_listener("127.0.0.1", OPTIONS.fetch(:port).to_i)
%w[INT TERM].each { |name| trap(name) { Thread.new { server.stop } } }
server.run.join
