<?php
// Parley's cached POST /chat as a PHP programmer would write it to be fast, to compare the two under PHP-FPM.
//
// GET /health, POST /auth/email and POST /chat, with the JSON of Parley's replies. A chat checks an HS256 token, reads
// the question, finds its answer in APCu, writes the session's count and the exchange in one durable transaction, and
// logs a line. What it leaves out makes it faster: no sanitizing, no leases, no streams, and no call of a model, since a
// new question gets one fixed answer. The database (WAL, synchronous=FULL) is in BENCH_FOLDER, with the columns and
// indexes of Parley's own that matter.

declare(strict_types=1);

const LIMIT = 1000000000;

final class Refusal extends Exception
{
}

function secret(): string
{
    return apcu_entry('secret', fn () => random_bytes(32));
}

function database(): PDO
{
    $db = new PDO('sqlite:' . getenv('BENCH_FOLDER') . '/chat.sqlite', null, null, [
        PDO::ATTR_PERSISTENT => true,
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_TIMEOUT => 5,
    ]);
    // A persistent connection keeps what was set when it was opened.
    if ($db->query('PRAGMA synchronous')->fetchColumn() !== 2 || !apcu_exists('schema')) {
        $db->exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
        $db->exec(<<<'SQL'
            CREATE TABLE IF NOT EXISTS sessions (
                id TEXT PRIMARY KEY NOT NULL, user_id TEXT NOT NULL, created_at INTEGER NOT NULL,
                expires_at INTEGER NOT NULL, last_activity_at INTEGER NOT NULL, active INTEGER NOT NULL DEFAULT 1,
                messages_used INTEGER NOT NULL DEFAULT 0
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS exchanges (
                id INTEGER PRIMARY KEY, session_id TEXT NOT NULL REFERENCES sessions (id), conversation INTEGER,
                created_at INTEGER NOT NULL, origin TEXT NOT NULL, model TEXT, provider TEXT,
                prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, total_tokens INTEGER NOT NULL,
                question TEXT NOT NULL, answer TEXT NOT NULL
            ) STRICT;
            CREATE INDEX IF NOT EXISTS exchanges_by_session ON exchanges (session_id);
            SQL);
        apcu_store('schema', true);
    }
    return $db;
}

function encode(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

function decode(string $text): string
{
    return base64_decode(strtr($text, '-_', '+/'), true) ?: '';
}

function token(array $claims): string
{
    $head = encode('{"alg":"HS256","typ":"JWT"}') . '.' . encode(json_encode($claims));
    return $head . '.' . encode(hash_hmac('sha256', $head, secret(), true));
}

// The claims of the caller's token.
function admit(): array
{
    $parts = explode('.', substr($_SERVER['HTTP_AUTHORIZATION'] ?? '', strlen('Bearer ')));
    if (count($parts) !== 3) {
        throw new Refusal('Log in with POST /auth/email', 401);
    }
    $header = json_decode(decode($parts[0]), true);
    $signature = hash_hmac('sha256', $parts[0] . '.' . $parts[1], secret(), true);
    if (($header['alg'] ?? '') !== 'HS256' || !hash_equals($signature, decode($parts[2]))) {
        throw new Refusal('The token is not valid', 401);
    }
    $claims = json_decode(decode($parts[1]), true);
    if ($claims['iss'] !== 'parley' || $claims['aud'] !== 'parley-chat' || $claims['exp'] <= time()) {
        throw new Refusal('The session has ended; log in again', 401);
    }
    return $claims;
}

function body(): array
{
    $json = json_decode(file_get_contents('php://input'), true, 32);
    if (!is_array($json)) {
        throw new Refusal('The body must be a JSON object', 400);
    }
    return $json;
}

function log_in(): array
{
    $email = body()['email'] ?? null;
    if (!is_string($email) || !filter_var($email, FILTER_VALIDATE_EMAIL)) {
        throw new Refusal('email: must be an address', 422);
    }
    $id = encode(random_bytes(24));
    $user = 'user_' . substr(hash_hmac('sha256', $email, secret()), 0, 32);
    $now = time();
    $columns = 'id, user_id, created_at, expires_at, last_activity_at';
    database()->prepare("INSERT INTO sessions ($columns) VALUES (?, ?, ?, ?, ?)")
        ->execute([$id, $user, $now * 1000, ($now + 86400) * 1000, $now * 1000]);
    $token = token([
        'sub' => $user, 'jti' => $id, 'iat' => $now, 'exp' => $now + 86400, 'iss' => 'parley', 'aud' => 'parley-chat',
    ]);
    return ['access_token' => $token, 'token_type' => 'bearer', 'expires_in' => 86400, 'session_id' => $id];
}

function chat(): array
{
    $claims = admit();
    $question = trim(body()['message'] ?? '');
    if ($question === '' || iconv_strlen($question, 'UTF-8') > 4000) {
        throw new Refusal('message: must have 1 to 4000 characters', 422);
    }
    $request = json_encode([
        'user' => $claims['sub'], 'model' => 'bench', 'temperature' => 0.7, 'question' => $question,
    ]);
    $key = hash('sha256', $request, true);
    $answer = apcu_fetch($key, $cached);
    if ($cached && $answer['request'] !== $request) {
        $cached = false;
    }
    if (!$cached) {
        $answer = ['request' => $request, 'text' => 'An instant answer.', 'prompt' => 9, 'completion' => 4];
    }
    $now = (int) (microtime(true) * 1000);
    $id = (int) (microtime(true) * 1e6) << 11 | random_int(0, 2047);
    record($claims['jti'], $id, $now, $question, $answer, $cached);
    if (!$cached) {
        apcu_store($key, $answer, 3600);
    }
    return [
        'success' => true, 'message_id' => sprintf('msg_%016x', $id), 'response' => $answer['text'], 'model' => 'bench',
        'timestamp' => gmdate('Y-m-d\TH:i:s', intdiv($now, 1000)) . sprintf('.%03dZ', $now % 1000),
        'cached' => $cached, 'stale' => false, 'blocked' => false, 'conversation_id' => sprintf('conv_%016x', $id),
        'usage' => [
            'prompt_tokens' => $answer['prompt'], 'completion_tokens' => $answer['completion'],
            'total_tokens' => $answer['prompt'] + $answer['completion'],
        ],
    ];
}

// One file lock around each transaction, as in Parley: SQLite's own waiting leaves some callers seconds behind.
function record(string $session, int $id, int $now, string $question, array $answer, bool $cached): void
{
    static $lock = null;
    $db = database();
    $lock ??= fopen(getenv('BENCH_FOLDER') . '/chat.lock', 'c');
    flock($lock, LOCK_EX);
    try {
        $db->exec('BEGIN IMMEDIATE');
        $count = $db->prepare('UPDATE sessions SET messages_used = messages_used + 1, last_activity_at = ?1'
            . ' WHERE id = ?2 AND active = 1 AND expires_at > ?1 AND messages_used < ?3');
        $count->execute([$now, $session, LIMIT]);
        if ($count->rowCount() !== 1) {
            throw new Refusal('The session has ended, or its messages are used up', 403);
        }
        $db->prepare('INSERT INTO exchanges VALUES (?, ?, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)')->execute([
            $id, $session, $now, $cached ? 'cache' : 'model', 'bench', 'openai', $answer['prompt'], $answer['completion'],
            $answer['prompt'] + $answer['completion'], $question, $answer['text'],
        ]);
        $db->exec('COMMIT');
    } catch (Throwable $error) {
        if ($db->inTransaction()) {
            $db->exec('ROLLBACK');
        }
        throw $error;
    } finally {
        flock($lock, LOCK_UN);
    }
}

$began = hrtime(true);
$route = $_SERVER['REQUEST_METHOD'] . ' ' . strtok($_SERVER['REQUEST_URI'], '?');
$status = 200;
try {
    $reply = match ($route) {
        'GET /health' => ['status' => 'healthy'],
        'POST /auth/email' => log_in(),
        'POST /chat' => chat(),
        default => throw new Refusal('There is nothing at this path', 404),
    };
} catch (Refusal $refusal) {
    $status = $refusal->getCode();
    $reply = ['error' => 'Refused', 'message' => $refusal->getMessage(), 'details' => [], 'status_code' => $status,
        'request_id' => $_SERVER['HTTP_X_REQUEST_ID'] ?? ''];
}
http_response_code($status);
header('Content-Type: application/json');
$json = json_encode($reply, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
header('Content-Length: ' . strlen($json));
echo $json;
file_put_contents(getenv('BENCH_FOLDER') . '/chat.log', json_encode([
    'time' => gmdate('Y-m-d\TH:i:s\Z'), 'level' => 'info', 'message' => 'request', 'pid' => getmypid(),
    'request_id' => $_SERVER['HTTP_X_REQUEST_ID'] ?? '', 'route' => $route, 'status' => $status, 'bytes' => strlen($json),
    'ms' => (hrtime(true) - $began) / 1e6,
]) . "\n", FILE_APPEND);
