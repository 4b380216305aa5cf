// tokenwheel against oidc-provider: `oauth/client-credentials` and `oauth/refresh-token`.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { start } from './server.mjs';

const PATHS = 'token_path: /token, introspection_path: /token/introspection, revocation_path: /token/revocation';
const SECRET = 'secret-of-the-client-0123456789';
let server, folder;

before(async () => { server = await start(); });
after(async () => { await server.stop(); });
beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'wheel-')); });

function config(tokens) {
  writeFileSync(join(folder, 'tokenwheel.yml'), `
version: 1
every: 10min
connections:
  idp: { service: oauth, url: "${server.url}", client_id: wheel, token: env:CLIENT_SECRET, ${PATHS} }
tokens:${tokens}
ledger: { kind: file, path: ledger.json }
`);
}

/// Runs the binary with nothing but these variables; gives its exit code and all that it printed.
async function run(environment, ...args) {
  const child = spawn(process.env.TOKENWHEEL_BINARY, args, { cwd: folder, env: { CLIENT_SECRET: SECRET, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  child.stdout.on('data', (text) => { printed += text; });
  child.stderr.on('data', (text) => { printed += text; });
  const code = await new Promise((ended) => child.on('close', ended));
  assert.ok(!printed.includes(SECRET));
  return { code, printed };
}

const held = (name) => readFileSync(join(folder, name), 'utf8').trim();

async function introspect(value) {
  const basic = Buffer.from(`wheel:${SECRET}`).toString('base64');
  const answer = await fetch(`${server.url}/token/introspection`, {
    method: 'POST', headers: { authorization: `Basic ${basic}` }, body: new URLSearchParams({ token: value }),
  });
  return answer.json();
}

test('an access token of the client is made at every run, and lives', async () => {
  config(`
  api:
    issuer: { kind: oauth/client-credentials, scopes: [api] }
    destinations: [{ kind: file, path: api }]`);
  writeFileSync(join(folder, 'api'), '');
  const first = await run({}, 'rotate');
  assert.equal(first.code, 0, first.printed);
  const value = held('api');
  assert.equal((await introspect(value)).active, true);
  assert.ok(!first.printed.includes(value));
  const second = await run({}, 'rotate');
  assert.equal(second.code, 0, second.printed);
  assert.notEqual(held('api'), value);
});

test('a wrong client secret is told, and nothing is written', async () => {
  config(`
  api:
    issuer: { kind: oauth/client-credentials, scopes: [api] }
    destinations: [{ kind: file, path: api }]`);
  writeFileSync(join(folder, 'api'), 'as it was');
  const ran = await run({ CLIENT_SECRET: 'another' }, 'rotate');
  assert.notEqual(ran.code, 0, ran.printed);
  assert.equal(held('api'), 'as it was');
});

test('a leaked access token is ended, and the server says so', async () => {
  config(`
  api:
    issuer: { kind: oauth/client-credentials, scopes: [api] }
    destinations: [{ kind: file, path: api }]`);
  writeFileSync(join(folder, 'api'), '');
  await run({}, 'rotate');
  const value = held('api');
  const ran = await run({}, 'revoke', 'api', '--reason', 'it leaked');
  assert.equal((await introspect(value)).active, false, ran.printed);
});

const PAIR = `
  ada:
    issuer: { kind: oauth/refresh-token, name: ada, self: env:GRANT }
    destinations:
      - { kind: file, path: refresh }
      - { kind: file, path: access, part: access }`;

test('a refresh token is exchanged by itself, and a replay never happens', async () => {
  config(PAIR);
  const before = await server.consented();
  writeFileSync(join(folder, 'refresh'), before);
  writeFileSync(join(folder, 'access'), '');
  const force = ['rotate', '--only', 'ada', '--force', '--reason', 'a test asks for it'];
  const first = await run({ GRANT: before }, ...force);
  assert.equal(first.code, 0, first.printed);
  const value = held('refresh');
  assert.ok(value !== before && await server.spent(before) && await server.lives(value), first.printed);
  assert.equal((await introspect(held('access'))).active, true);
  assert.ok(!first.printed.includes(value) && !first.printed.includes(held('access')));
  // A job that was queued before the turn has the spent one in its environment, and does not show it to the server.
  const second = await run({ GRANT: before }, ...force);
  assert.equal(second.code, 0, second.printed);
  assert.ok(held('refresh') !== value && await server.lives(held('refresh')), second.printed);
});

test('where its place cannot be read a spent one is refused here, before the server ends the grant', async () => {
  config(PAIR.replace('{ kind: file, path: refresh }', '{ kind: sealed/file, path: refresh, recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p] }'));
  const before = await server.consented();
  writeFileSync(join(folder, 'access'), '');
  const force = ['rotate', '--only', 'ada', '--force', '--reason', 'a test asks for it'];
  const first = await run({ GRANT: before }, ...force);
  assert.equal(first.code, 0, first.printed);
  const access = held('access');
  const second = await run({ GRANT: before }, ...force);
  assert.notEqual(second.code, 0, second.printed);
  assert.match(second.printed, /must not be tried again/);
  assert.equal((await introspect(access)).active, true, 'the grant lives');
});
