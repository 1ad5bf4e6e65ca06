/**
 * The release that is downloaded when neither PATH nor the system's packages have a nats-server. The checksums are
 * those of the release's own SHA256SUMS; a mirror may serve the files, as what it serves is checked against them.
 */

export const natsServerVersion = '2.11.8';

const sha256ByPlatform = {
  'linux-amd64': '397a6deffb5533e160de0cca322bc3dcaec7fb7282d66a3dfa87a9c183152ad1',
  'linux-arm64': 'b08936cb1dc0ae7086137bda14c352df64397c4af45ed2b392705c19585aeb84',
  'darwin-amd64': '002c943c1ed39c55cc5e024debfc02685111fcb2b1cbd887aad39ac977037477',
  'darwin-arm64': '23e0c5354c2da385708946a21900c944fcb9a3bbfd02aae27a4ae750dea0b682',
};

const archByNodeArch = { x64: 'amd64', arm64: 'arm64' };
const defaultReleasesUrl = 'https://github.com/nats-io/nats-server/releases/download';

/** Undefined for a platform without a pinned checksum. `MILLRACE_NATS_RELEASES_URL` names a mirror. */
export function natsServerRelease(platform = process.platform, nodeArch = process.arch) {
  const platformName = `${platform}-${archByNodeArch[nodeArch]}`;
  const sha256 = sha256ByPlatform[platformName];
  if (sha256 === undefined) return undefined;
  const folder = `nats-server-v${natsServerVersion}-${platformName}`;
  const releasesUrl = (process.env.MILLRACE_NATS_RELEASES_URL || defaultReleasesUrl).replace(/\/$/, '');
  return { url: `${releasesUrl}/v${natsServerVersion}/${folder}.tar.gz`, sha256, member: `${folder}/nats-server` };
}
