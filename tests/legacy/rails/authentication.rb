# What `rails generate authentication` makes (Rails 8): a table of sessions, and a signed cookie that is the number of a row.
require "active_record"

ActiveRecord::Base.establish_connection(adapter: "sqlite3", database: OPTIONS.fetch(:database), timeout: 5000)
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table(:sessions, if_not_exists: true) do |table|
    table.integer :user_id, null: false
    table.string :ip_address, :user_agent
    table.integer :notes, null: false, default: 0
    table.timestamps
  end
end

class Session < ActiveRecord::Base
end

class AuthenticationController < PlainController
  def login
    start_session(params[:user])
    cookies[:csrf_token] = form_authenticity_token
    render plain: "in"
  end

  def create # the login of the same address, here with nothing typed
    redirect_to "/who"
  end

  def destroy
    current&.destroy
    cookies.delete(:session_id)
    render plain: "out"
  end

  def rotate
    current.destroy
    start_session(current.user_id)
    render plain: "rotated"
  end

  def expire
    cookies.signed[:session_id] = { value: current.id, expires: 1.hour.ago }
    render plain: "expired"
  end

  def note
    current.increment!(:notes)
    render plain: "#{user_id}:#{current.notes}"
  end

  private

  def user_id
    current&.user_id
  end

  def current
    @current ||= Session.find_by(id: cookies.signed[:session_id])
  end

  def start_session(user)
    row = Session.create!(user_id: user, ip_address: request.remote_ip, user_agent: request.user_agent)
    cookies.signed.permanent[:session_id] = { value: row.id, httponly: true, same_site: :lax }
  end
end
