import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { referencePages } from './reference-docs.js';
import { repositoryRoot } from './shared-data.js';

for (const { file, render } of referencePages) writeFileSync(join(repositoryRoot, file), render());
