// Requests that two readers could read in two ways, for the host `demo.localhost`: nothing of them may reach an instance.
const H = 'Host: demo.localhost\r\n'
export const POST = `POST / HTTP/1.1\r\n${H}`

type Attack = readonly [name: string, text: string]

export const ambiguous: readonly Attack[] = [
  ['CL.TE', `${POST}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`],
  ['TE.CL', `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST\r\n0\r\n\r\n`],
  ['two lengths that differ', `${POST}Content-Length: 4\r\nContent-Length: 5\r\n\r\nbodyX`],
  ['two lengths that agree', `${POST}Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody`],
  ['a list of lengths', `${POST}Content-Length: 4, 4\r\n\r\nbody`],
  ['a length with a sign', `${POST}Content-Length: +4\r\n\r\nbody`],
  ['a negative length', `${POST}Content-Length: -4\r\n\r\nbody`],
  ['a hexadecimal length', `${POST}Content-Length: 0x4\r\n\r\nbody`],
  ['a length with a space inside', `${POST}Content-Length: 4 4\r\n\r\nbody`],
  ['a length beyond all numbers', `${POST}Content-Length: 99999999999999999999\r\n\r\nbody`],
  ['an empty length', `${POST}Content-Length: \r\n\r\n`],
  ['a space before the colon', `${POST}Content-Length : 4\r\n\r\nbody`],
  ['a space before the name', `${POST} Content-Length: 4\r\n\r\nbody`],
  ['a folded header', `${POST}X-A: one\r\n two\r\n\r\n`],
  ['a folded length', `${POST}Content-Length:\r\n 4\r\n\r\nbody`],
  ['a bare LF after a header', `${POST}X-A: 1\nX-B: 2\r\n\r\n`],
  ['a bare LF at the end of the head', `${POST}Content-Length: 4\r\n\nbody`],
  ['a bare CR in a value', `${POST}X-A: 1\rTransfer-Encoding: chunked\r\n\r\n`],
  ['a NUL in a value', `${POST}X-A: 1\0\r\n\r\n`],
  ['a name with a control character', `${POST}Transfer-Encoding\x0b: chunked\r\n\r\n0\r\n\r\n`],
  ['TE.TE: two codings', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
  ['TE.TE: chunked twice', `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
  ['a coding that hides chunked', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['a coding under chunked', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['a coding in quotes', `${POST}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`],
  ['a coding before a vertical tab', `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  ['chunked in HTTP/1.0', `POST / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
  ['two Hosts', `GET / HTTP/1.1\r\n${H}Host: other.localhost\r\n\r\n`],
  ['two Hosts that agree', `GET / HTTP/1.1\r\n${H}${H}\r\n`],
  ['a Host with a path', 'GET / HTTP/1.1\r\nHost: demo.localhost/evil\r\n\r\n'],
  ['a Host with a user', 'GET / HTTP/1.1\r\nHost: a@demo.localhost\r\n\r\n'],
  ['an address with another host', `GET http://other.localhost/ HTTP/1.1\r\n${H}\r\n`],
  ['an address with a user', `GET http://a@demo.localhost/ HTTP/1.1\r\n${H}\r\n`],
  ['a space in the target', `GET /a b HTTP/1.1\r\n${H}\r\n`],
  ['HTTP/0.9', 'GET /\r\n\r\n'],
  ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a version beyond', `GET / HTTP/1.2\r\n${H}\r\n`],
  ['a method that is none', `G@T / HTTP/1.1\r\n${H}\r\n`],
  ['CONNECT', `CONNECT demo.localhost:80 HTTP/1.1\r\n${H}\r\n`],
]

/** Chunked bodies that are none. */
export const ambiguousChunks: readonly Attack[] = [
  ['a size with a sign', '+3\r\nabc\r\n0\r\n\r\n'],
  ['a size in 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
  ['a size too small', '2\r\nabc\r\n0\r\n\r\n'],
  ['a size too large', '4\r\nabc\r\n0\r\n\r\n'],
  ['a size beyond all numbers', 'fffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
  ['a bare LF after the size', '3\nabc\r\n0\r\n\r\n'],
  ['a bare LF after the data', '3\r\nabc\n0\r\n\r\n'],
  ['a bare LF in an extension', '3;a\nabc\r\n0\r\n\r\n'],
  ['a space after the size', '3 \r\nabc\r\n0\r\n\r\n'],
  ['a length in the trailers', '3\r\nabc\r\n0\r\nContent-Length: 7\r\n\r\n'],
  ['a second coding in the trailers', '3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n'],
]
