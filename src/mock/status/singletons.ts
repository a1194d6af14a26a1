import type { JsonObject } from '../json.js';

/** `sys/global-settings` as a new device has it, without the lists of file paths and the banner's text. */
export function globalSettings(hostname: string): JsonObject {
  return {
    awsApiMaxConcurrency: 1,
    consoleInactivityTimeout: 0,
    customAddr: 'none',
    failsafeAction: 'go-offline-restart-tm',
    guiAudit: 'disabled',
    guiSecurityBanner: 'enabled',
    guiSetup: 'disabled',
    hostAddrMode: 'management',
    hostname,
    lcdDisplay: 'enabled',
    ledLocator: 'disabled',
    mgmtDhcp: 'disabled',
    netReboot: 'disabled',
    passwordPrompt: 'Password',
    quietBoot: 'enabled',
    usernamePrompt: 'Username',
  };
}

/** `sys/httpd`: how the management port is set up (14.1.2.1), without the list of cipher suites. */
export const httpd: JsonObject = {
  allow: ['All'],
  authName: 'BIG-IP',
  authPamDashboardTimeout: 'off',
  authPamIdleTimeout: 1200,
  authPamValidateIp: 'on',
  fastcgiTimeout: 300,
  fipsCipherVersion: 0,
  hostnameLookup: 'off',
  logLevel: 'warn',
  maxClients: 10,
  redirectHttpToHttps: 'disabled',
  requestBodyMaxTimeout: 0,
  requestBodyMinRate: 500,
  requestBodyTimeout: 60,
  requestHeaderMaxTimeout: 40,
  requestHeaderMinRate: 500,
  requestHeaderTimeout: 20,
  sslCertfile: '/etc/httpd/conf/ssl.crt/server.crt',
  sslCertkeyfile: '/etc/httpd/conf/ssl.key/server.key',
  sslOcspDefaultResponder: 'http://127.0.0.1',
  sslOcspEnable: 'off',
  sslOcspOverrideResponder: 'off',
  sslOcspResponderTimeout: 300,
  sslOcspResponseMaxAge: -1,
  sslOcspResponseTimeSkew: 300,
  sslPort: 443,
  sslProtocol: 'all -SSLv2 -SSLv3 -TLSv1',
  sslVerifyClient: 'no',
  sslVerifyDepth: 10,
};
