# Doorkeeper as Signon runs it, in one file: its routes, who the bearer is, and nothing for people. The database is a
# passing one, filled from the JSON on standard input; the address is printed once it listens; it ends with its input.
#
# A page of its own, `/plant`, stands in for the rails runner of a Job: Doorkeeper makes a token there of a value that the
# sandbox made.
require 'fileutils'
require 'json'
require 'logger'
require 'tmpdir'
require 'rails'
require 'active_record/railtie'
require 'action_controller/railtie'
require 'doorkeeper'
require 'doorkeeper/orm/active_record'
require 'puma'

passing = Dir.mktmpdir('signon-')
at_exit { FileUtils.remove_entry(passing) }
ENV['RAILS_ENV'] = 'production'
ENV['DATABASE_URL'] = "sqlite3:#{passing}/signon.sqlite3"

class Signon < Rails::Application
  config.load_defaults 6.1
  config.root = __dir__
  config.eager_load = false
  config.logger = Logger.new(File::NULL)
  config.secret_key_base = 'worth-nothing-outside'
  config.hosts.clear
  config.consider_all_requests_local = false
end

Doorkeeper.configure do
  orm :active_record
  resource_owner_authenticator { head :not_found }
  use_refresh_token
  grant_flows %w[authorization_code]
end

Signon.initialize!

ActiveRecord::Migration.verbose = false
ActiveRecord::Schema.define do
  create_table :users do |t|
    t.string :name, null: false
    t.string :email, null: false
    t.text :signs_in, null: false
  end
  create_table :oauth_applications do |t|
    t.string :name, null: false
    t.string :uid, null: false
    t.string :secret, null: false
    t.text :redirect_uri, null: false
    t.string :scopes, null: false, default: ''
    t.boolean :confidential, null: false, default: true
    t.timestamps null: false
  end
  create_table :oauth_access_tokens do |t|
    t.references :resource_owner
    t.references :application, null: false
    t.string :token, null: false
    t.string :refresh_token
    t.integer :expires_in
    t.datetime :revoked_at
    t.datetime :created_at, null: false
    t.string :scopes
  end
  add_index :oauth_access_tokens, :token, unique: true
end

class User < ActiveRecord::Base
  serialize :signs_in, JSON
end

# Makes a token of a value that was made elsewhere.
def plant(email, application, value, made, life)
  Doorkeeper::AccessToken.create!(
    resource_owner_id: User.find_by!(email: email).id,
    application_id: Doorkeeper::Application.find_by!(name: application).id,
    token: value, created_at: Time.at(made), expires_in: life
  ).update!(token: value)
end

class WhoController < ActionController::API
  before_action :doorkeeper_authorize!

  def show
    user = User.find(doorkeeper_token.resource_owner_id)
    application = doorkeeper_token.application
    asked = params[:client_id]
    return head :unauthorized if asked.present? && asked != application.uid
    return head :unauthorized unless user.signs_in.include?(application.name)

    render json: { user: { email: user.email, name: user.name, uid: "uid-of-#{user.email}", permissions: ['signin'],
                           organisation_slug: nil } }
  end
end

class PlantController < ActionController::API
  def create
    body = JSON.parse(request.raw_post)
    unless Doorkeeper::AccessToken.exists?(token: body['value'])
      plant(body['user'], body['application'], body['value'], body['made'], body['life'])
    end
    head :no_content
  end
end

Signon.routes.draw do
  use_doorkeeper { skip_controllers :applications, :authorized_applications, :token_info }
  get '/user.json' => 'who#show'
  post '/plant' => 'plant#create'
end

world = JSON.parse($stdin.gets)
world['applications'].each do |one|
  Doorkeeper::Application.create!(
    name: one['name'], uid: one['id'], secret: one['secret'], redirect_uri: 'https://application.example/callback'
  )
end
world['users'].each { |one| User.create!(name: one['name'], email: one['email'], signs_in: one['signs_in']) }
world['tokens'].each { |one| plant(one['user'], one['application'], one['value'], one['made'], one['life']) }

server = Puma::Server.new(Signon, Puma::Events.null, min_threads: 1, max_threads: 4)
port = server.add_tcp_listener('127.0.0.1', 0).addr[1]
server.run
puts JSON.generate(url: "http://127.0.0.1:#{port}", doorkeeper: Doorkeeper::VERSION::STRING, rails: Rails.version)
$stdout.flush
$stdin.read
server.stop(true)
