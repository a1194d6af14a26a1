import { addressCommandsTcl } from './address-commands.js';
import { connectionCommandsTcl } from './connection-commands.js';
import { dataGroupCommandsTcl } from './data-group-commands.js';
import { flowsTcl } from './flows.js';
import { generalCommandsTcl } from './general-commands.js';
import { highSpeedLoggingCommandsTcl } from './high-speed-logging-commands.js';
import { interpretersTcl } from './interpreters.js';
import { requestsTcl } from './requests.js';
import { rulesTcl } from './rules.js';
import { staticVariablesTcl } from './static-variables.js';
import { tableCommandsTcl } from './table-commands.js';
import { textCommandsTcl } from './text-commands.js';
import { statisticsCommandsTcl } from './statistics-commands.js';

/**
 * The Tcl side of the mock's traffic management: what TMM's Tcl offers to a rule, for stock tclsh, 8.5 (macOS) or 8.6.
 *
 * It reads one request a line and answers each with one line, in order. A line is words between single spaces; each
 * word is hexadecimal, so that any byte may stand in it. A request is `VERB WORD...`; an answer is `ok GROUP...`, where a
 * group is words between commas, or `error MESSAGE`.
 *
 * Every connection gets an interpreter of its own, safe, with the commands of TMM's Tcl 8.4 and without those that
 * TMM disables or that came later. It lies here as text, so that a bundle needs no second file.
 */
export const harnessSource = [
  rulesTcl,
  interpretersTcl,
  staticVariablesTcl,
  flowsTcl,
  connectionCommandsTcl,
  addressCommandsTcl,
  dataGroupCommandsTcl,
  tableCommandsTcl,
  highSpeedLoggingCommandsTcl,
  textCommandsTcl,
  statisticsCommandsTcl,
  generalCommandsTcl,
  requestsTcl,
].join('');
