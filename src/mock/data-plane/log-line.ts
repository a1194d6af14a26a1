const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** What one message may have (clouddocs, `log`); the device cuts the rest. */
const maxMessageBytes = 1024;

/** One line of /var/log/ltm, with the hour in UTC: `Mar 25 18:56:39 HOST info tmm[PID]: MESSAGE`. */
export function renderLogLine(options: {
  readonly at: Date;
  readonly hostname: string;
  readonly level: string;
  readonly pid: number;
  readonly message: string;
}): string {
  const { at, hostname, level, pid } = options;
  const day = String(at.getUTCDate()).padStart(2, ' ');
  const time = at.toISOString().slice(11, 19);
  const message = Buffer.from(options.message).subarray(0, maxMessageBytes).toString();
  return `${months[at.getUTCMonth()]} ${day} ${time} ${hostname} ${level} tmm[${pid}]: ${message}`;
}

/** What TMM logs when a rule fails at run time (BIG-IP message 01220001). */
export function tclErrorMessage(error: {
  readonly rule: string;
  readonly event: string;
  readonly message: string;
  readonly command: string;
}): string {
  const text = `01220001:3: TCL error: ${error.rule} <${error.event}> - ${error.message}`;
  const command = error.command === '' ? '' : `     while executing "${error.command}"`;
  return `${text}${command}`.replaceAll('\n', ' ');
}
