<?php
// A real Laravel application whose sessions the gateway reads:
// php -dapp.folder=… -dapp.driver=file|redis|database [-dapp.cipher=…] [-dapp.redis=PORT] [-dapp.socket=…] -S 127.0.0.1:PORT server.php
// The framework and its middleware for pages are Laravel's own; what `laravel new` would write around them is written here.
require "Illuminate/autoload.php";

use Illuminate\Auth\GenericUser;
use Illuminate\Contracts\Auth\Authenticatable;
use Illuminate\Contracts\Auth\UserProvider;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Facade;

error_reporting(E_ALL & ~E_DEPRECATED); // Laravel 8 is older than PHP 8.2
$folder = get_cfg_var("app.folder");
$driver = get_cfg_var("app.driver");
@mkdir("$folder/sessions");

class Anybody implements UserProvider
{
    public function retrieveById($identifier) { return new GenericUser(["id" => $identifier, "remember_token" => ""]); }
    public function retrieveByToken($identifier, $token) { return null; }
    public function updateRememberToken(Authenticatable $user, $token) {}
    public function retrieveByCredentials(array $credentials) { return $this->retrieveById($credentials["email"]); }
    public function validateCredentials(Authenticatable $user, array $credentials) { return $credentials["password"] === "lovelace-1843"; }
}

class FormProtection extends Illuminate\Foundation\Http\Middleware\VerifyCsrfToken
{
    protected $except = ["login"];
}

class Kernel extends Illuminate\Foundation\Http\Kernel
{
    protected $bootstrappers = [Illuminate\Foundation\Bootstrap\BootProviders::class];
    protected $middlewareGroups = ["web" => [
        Illuminate\Cookie\Middleware\EncryptCookies::class,
        Illuminate\Cookie\Middleware\AddQueuedCookiesToResponse::class,
        Illuminate\Session\Middleware\StartSession::class,
        FormProtection::class,
    ]];
}

class Faults implements Illuminate\Contracts\Debug\ExceptionHandler
{
    public function report(Throwable $fault) { error_log($fault); }
    public function shouldReport(Throwable $fault) { return true; }
    public function renderForConsole($output, Throwable $fault) {}

    public function render($request, Throwable $fault)
    {
        return response("", $fault instanceof Illuminate\Session\TokenMismatchException ? 419 : 500);
    }
}

$application = new Illuminate\Foundation\Application($folder);
$application->instance("config", new Illuminate\Config\Repository([
    "app" => [
        "key" => getenv("APP_KEY"),
        "cipher" => get_cfg_var("app.cipher") ?: "AES-256-CBC",
        "timezone" => "UTC",
    ],
    "auth" => [
        "defaults" => ["guard" => "web"],
        "guards" => ["web" => ["driver" => "session", "provider" => "users"]],
        "providers" => ["users" => ["driver" => "anybody"]],
    ],
    "cache" => [
        "default" => "redis",
        "prefix" => "laravel_cache",
        "stores" => ["redis" => ["driver" => "redis", "connection" => "default"]],
    ],
    "database" => [
        "default" => "mysql",
        "connections" => ["mysql" => [
            "driver" => "mysql",
            "unix_socket" => get_cfg_var("app.socket"),
            "database" => "app",
            "username" => "app",
            "password" => "",
            "charset" => "utf8mb4",
            "collation" => "utf8mb4_unicode_ci",
            "prefix" => "",
        ]],
        "redis" => [
            "client" => "phpredis",
            "options" => ["prefix" => "laravel_database_"],
            "default" => ["host" => "127.0.0.1", "port" => get_cfg_var("app.redis"), "database" => 0],
        ],
    ],
    "hashing" => ["driver" => "bcrypt"],
    "session" => [
        "driver" => $driver,
        "lifetime" => 120,
        "expire_on_close" => false,
        "encrypt" => false,
        "files" => "$folder/sessions",
        "connection" => null,
        "store" => null,
        "table" => "sessions",
        "lottery" => [0, 100],
        "cookie" => "laravel_session",
        "path" => "/",
        "domain" => null,
        "secure" => null,
        "http_only" => true,
        "same_site" => "lax",
    ],
]));
Facade::setFacadeApplication($application);
$application->singleton(Illuminate\Contracts\Http\Kernel::class, Kernel::class);
$application->singleton(Illuminate\Contracts\Debug\ExceptionHandler::class, Faults::class);
foreach ([
    Illuminate\Auth\AuthServiceProvider::class,
    Illuminate\Cache\CacheServiceProvider::class,
    Illuminate\Cookie\CookieServiceProvider::class,
    Illuminate\Database\DatabaseServiceProvider::class,
    Illuminate\Encryption\EncryptionServiceProvider::class,
    Illuminate\Filesystem\FilesystemServiceProvider::class,
    Illuminate\Foundation\Providers\FoundationServiceProvider::class,
    Illuminate\Redis\RedisServiceProvider::class,
    Illuminate\Session\SessionServiceProvider::class,
    Illuminate\View\ViewServiceProvider::class,
] as $provider) {
    $application->register($provider);
}
$application["auth"]->provider("anybody", fn () => new Anybody());
if ($driver === "database") { // as `artisan session:table` makes it
    $application["db"]->statement("CREATE TABLE IF NOT EXISTS sessions (id varchar(255) PRIMARY KEY, user_id bigint unsigned,
        ip_address varchar(45), user_agent text, payload text NOT NULL, last_activity int NOT NULL)");
}

$application["router"]->middleware("web")->group(function ($router) use ($application, $driver) {
    $user = fn () => $application["auth"]->id() ?? "";
    $router->get("/who", $user);
    $router->post("/login", function (Request $request) use ($application) {
        $application["auth"]->loginUsingId($request->input("user"));
        return "in";
    });
    $router->get("/signin", fn (Request $request) => '<form method="POST"><input type="hidden" name="_token" value="'
        . $request->session()->token() . '"><input name="email"><input type="password" name="password"></form>');
    $router->post("/signin", function (Request $request) use ($application) {
        return redirect($application["auth"]->attempt($request->only("email", "password")) ? "/who" : "/signin");
    });
    $router->post("/logout", function (Request $request) use ($application) {
        $application["auth"]->logout();
        $request->session()->invalidate();
        return "out";
    });
    $router->post("/rotate", function (Request $request) {
        $request->session()->regenerate(true);
        return "rotated";
    });
    $router->post("/note", function (Request $request) use ($user) {
        $request->session()->push("notes", $request->input("text"));
        return $user() . ":" . count($request->session()->get("notes"));
    });
    $router->post("/expire", function (Request $request) use ($application, $driver) {
        $id = $request->session()->getId();
        $application->terminating(function () use ($application, $driver, $id) { // the session has been saved by now
            if ($driver === "database") {
                $application["db"]->table("sessions")->where("id", $id)->update(["last_activity" => 0]);
            } elseif ($driver === "redis") {
                $application["redis"]->connection()->expire("laravel_cache:$id", 0);
            } else {
                touch($application["config"]["session.files"] . "/$id", 0);
            }
        });
        return "expired";
    });
});

$kernel = $application->make(Illuminate\Contracts\Http\Kernel::class);
$request = Request::capture();
$response = $kernel->handle($request);
$response->send();
$kernel->terminate($request, $response);
