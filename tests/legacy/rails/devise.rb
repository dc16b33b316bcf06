# Devise as its generators set it up: a table of users with password hashes, its own pages, a logout by DELETE.
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table(:users, if_not_exists: true) do |table|
    table.string :email, null: false, index: { unique: true }
    table.string :encrypted_password, null: false
  end
end

Devise.setup do |config|
  config.stretches = 4 # the cheapest that bcrypt does
  config.sign_out_via = :delete
end

class User < ActiveRecord::Base
  devise :database_authenticatable
end

PASSWORD = "lovelace-1843"
User.find_or_create_by!(id: 101) { |user| user.attributes = { email: "ada", password: PASSWORD } }

class ApplicationController < ActionController::Base
end

class AccountController < PlainController
  def login
    id = params[:user]
    sign_in(User.find_or_create_by!(id: id) { |user| user.attributes = { email: "user#{id}", password: PASSWORD } })
    cookies[:csrf_token] = form_authenticity_token
    render plain: "in"
  end

  private

  def user_id
    current_user&.id
  end
end
