<?php
// A real PHP application whose sessions the gateway reads: php -S 127.0.0.1:PORT router.php, settings by -d.
class Account { public $id; protected $name = "ann"; private $tags = ["a", "b"]; function __construct($id) { $this->id = $id; } }
session_start();
$path = parse_url($_SERVER["REQUEST_URI"], PHP_URL_PATH);
if ($path === "/login") {
    session_regenerate_id(true);
    $_SESSION["user_id"] = $_POST["user"];
    $_SESSION["account"] = new Account((int) $_POST["user"]);
    $_SESSION["same"] = $_SESSION["account"]; // written as a reference
    $_SESSION["price"] = 1.5;
    $_SESSION["roles"] = ["admin", "staff"];
} elseif ($path === "/logout") {
    session_destroy();
    exit;
} elseif ($path === "/rotate") {
    session_regenerate_id(true);
} elseif ($path === "/expire") {
    session_write_close();
    if (ini_get("session.save_handler") === "redis") {
        $redis = new Redis();
        $redis->connect("127.0.0.1", parse_url(session_save_path(), PHP_URL_PORT));
        $redis->expire("PHPREDIS_SESSION:" . session_id(), 0);
        exit;
    }
    touch(session_save_path() . "/sess_" . session_id(), time() - 86400);
    ini_set("session.use_cookies", "0");
    session_id("collector"); // PHP itself collects what is old, by chance: here another visitor has it collect
    session_start();
    session_gc();
    exit;
} elseif ($path === "/note") {
    $_SESSION["notes"][] = $_POST["text"];
    echo ($_SESSION["user_id"] ?? "") . ":" . count($_SESSION["notes"]);
    exit;
}
echo $_SESSION["user_id"] ?? "";
