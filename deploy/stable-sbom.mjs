// Reads the SBOM that npm makes from standard input and leaves out what differs from build to build.
import { readFileSync } from 'node:fs';

const sbom = JSON.parse(readFileSync(0, 'utf8'));
delete sbom.serialNumber;
delete sbom.metadata.timestamp;
sbom.metadata.component.name = 'bigip-mesh-agent';
sbom.components.sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1));
process.stdout.write(`${JSON.stringify(sbom, null, 2)}\n`);
