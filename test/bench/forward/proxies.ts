// The programs that are held against one another: each forwards to the same instance, each in a process of its own.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Kit, Started } from '../figure.ts'

export interface Proxy {
  readonly name: string
  readonly port: number
  readonly process: Started
}

export async function startProxies(kit: Kit, instance: number): Promise<Proxy[]> {
  const proxies = [await nodeProxy(kit, 'ours', instance), await nodeProxy(kit, 'node-http', instance)]
  for (const start of [goProxy, nginx]) {
    const proxy = await start(kit, instance)
    if (proxy !== undefined) proxies.push(proxy)
  }
  return proxies
}

/** With the setting that the manifest of wake has. */
export async function nodeProxy(kit: Kit, name: string, instance: number): Promise<Proxy> {
  const port = await kit.freePort()
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
  const args = ['--max-semi-space-size=8', file, `${port}`, `${instance}`]
  return { name, port, process: await kit.program(process.execPath, args, port) }
}

async function goProxy(kit: Kit, instance: number): Promise<Proxy | undefined> {
  const go = kit.find('go')
  if (go === undefined) {
    kit.say('no go on PATH: nothing is held against httputil.ReverseProxy')
    return undefined
  }
  const binary = `${kit.dir}/go-proxy`
  try {
    execFileSync(go, ['build', '-o', binary, 'main.go'], {
      cwd: fileURLToPath(new URL('reference/', import.meta.url)),
      stdio: 'pipe',
    })
  } catch (error) {
    kit.say(`go cannot build the reference: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
  const port = await kit.freePort()
  const process = await kit.program(binary, [`127.0.0.1:${port}`, `http://127.0.0.1:${instance}`], port)
  return { name: 'go', port, process }
}

async function nginx(kit: Kit, instance: number): Promise<Proxy | undefined> {
  const command = kit.find('nginx')
  if (command === undefined) {
    kit.say('no nginx on PATH: nothing is held against it')
    return undefined
  }
  const port = await kit.freePort()
  const dir = mkdtempSync(`${kit.dir}/nginx-`)
  writeFileSync(`${dir}/nginx.conf`, nginxConf(dir, port, instance))
  const process = await kit.program(command, ['-p', dir, '-e', `${dir}/error.log`, '-c', `${dir}/nginx.conf`], port)
  return { name: 'nginx', port, process }
}

/** One worker, kept connections on both sides, the same forwarded headers. */
function nginxConf(dir: string, port: number, instance: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${dir}/${kind};`)
    .join('\n  ')
  return `
worker_processes 1;
daemon off;
user ${process.getuid?.() === 0 ? 'root' : 'nobody'};
pid ${dir}/nginx.pid;
error_log ${dir}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  ${temporary}
  upstream instance { server 127.0.0.1:${instance}; keepalive 128; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://instance;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $http_x_forwarded_proto;
      proxy_set_header X-Forwarded-Host $http_x_forwarded_host;
    }
  }
}
`
}
