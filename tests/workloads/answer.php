<?php
// Answers with the status of the path's last part, and says how much was posted.
http_response_code((int) basename(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH)));
header('Content-Type: text/plain');
echo strlen(file_get_contents('php://input'));
