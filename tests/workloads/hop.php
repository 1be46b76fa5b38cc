<?php
// A PHP script that passes each request on to the host:port in NEXT, with the same path.
$delay = (int) (getenv('DELAY_MS') ?: 0);
if ($delay > 0) {
    usleep(random_int(0, $delay * 1000));
}
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
header('Content-Type: text/plain');
echo file_get_contents('http://' . getenv('NEXT') . $path);
