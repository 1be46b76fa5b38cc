<?php
// What things cost: PHP under PHP-FPM, over PostgreSQL.
$id = (int) basename(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
$database = pg_connect(getenv('DATABASE'));
$result = pg_query_params($database, 'SELECT cents FROM prices WHERE item = $1', [$id]);
$row = pg_fetch_assoc($result);
header('Content-Type: application/json');
if ($row === false) {
    http_response_code(404);
    echo json_encode(['error' => 'no price']);
} else {
    echo json_encode(['cents' => (int) $row['cents']]);
}
