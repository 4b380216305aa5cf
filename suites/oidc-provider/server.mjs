// An authorisation server that nobody here wrote: refresh tokens rotate, and a replay ends the whole grant.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

export async function start() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(url, {
    clients: [{
      client_id: 'wheel', client_secret: 'secret-of-the-client-0123456789', grant_types: ['client_credentials', 'refresh_token', 'authorization_code'],
      redirect_uris: ['https://app.example.com/back'], token_endpoint_auth_method: 'client_secret_basic',
    }],
    features: { clientCredentials: { enabled: true }, introspection: { enabled: true }, revocation: { enabled: true }, devInteractions: { enabled: false } },
    scopes: ['openid', 'offline_access', 'api'],
    rotateRefreshToken: true,
    ttl: { AccessToken: 3600, ClientCredentials: 3600, RefreshToken: 14 * 24 * 3600, Grant: 14 * 24 * 3600 },
    findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    jwks: undefined,
  });
  server.on('request', provider.callback());
  // What a person's consent in a browser would leave behind.
  const client = await provider.Client.find('wheel');
  const grant = new provider.Grant({ accountId: 'ada', clientId: 'wheel' });
  grant.addOIDCScope('openid offline_access');
  const grantId = await grant.save();
  const consented = async () => new provider.RefreshToken({
    accountId: 'ada', client, grantId, gty: 'authorization_code', scope: 'openid offline_access', expiresWithSession: false, rotations: 0,
  }).save();
  return { url, consented, grants: provider.Grant, lives: async (value) => (await provider.RefreshToken.find(value)) !== undefined,
    spent: async (value) => (await provider.RefreshToken.find(value, { ignoreExpiration: true }))?.consumed !== undefined,
    stop: () => new Promise((done) => { server.closeAllConnections(); server.close(done); }) };
}
