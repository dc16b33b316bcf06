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
    render plain: "#{user_id}:#{session[:notes].size}"
  end

  def who
    render plain: user_id.to_s
  end

  private

  def user_id
    session[:user_id]
  end
end
