// The image's entrypoint: `node /app/run.mjs sleep` runs the function of that name.
const [name = ''] = process.argv.splice(2, 1)
if (!/^[a-z]+(-[a-z]+)*$/.test(name)) {
  process.stderr.write('usage: run.mjs FUNCTION\n')
  process.exit(64)
}
await import(`./${name}.mjs`)
