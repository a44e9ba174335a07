require "sinatra"

set :server, "webrick"

get "/" do
  "hello from ruby"
end
