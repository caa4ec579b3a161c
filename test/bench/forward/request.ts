// What a browser sends to Odoo, about 500 bytes.
export const REQUEST = Buffer.from(
  [
    'GET /web?debug=0 HTTP/1.1',
    'Host: demo.localhost',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9',
    'Accept-Encoding: gzip, deflate, br',
    'Accept-Language: en-GB,en;q=0.9',
    'Cookie: session_id=abcdefghijklmnopqrstuvwxyz0123456789; frontend_lang=en_US',
    'X-Forwarded-For: 203.0.113.9',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: demo.localhost',
    '',
    '',
  ].join('\r\n'),
  'latin1',
)
