Rails.application.routes.draw do
  devise_for :users, path: "", path_names: { sign_in: "signin", sign_out: "logout" } if OPTIONS[:store] == "devise"
  controller = CONTROLLERS[OPTIONS[:store]]
  %i[login rotate expire note].each { |name| post name, controller: controller, action: name }
  case controller
  when :plain then post :logout, controller: controller, action: :logout
  when :authentication then resource :session, path: "logout", controller: controller, only: %i[create destroy]
  end
  get :who, controller: controller, action: :who
end
