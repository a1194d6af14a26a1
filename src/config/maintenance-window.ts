import { z } from 'zod';

export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** `HH:MM`, in minutes since midnight. */
const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'must be a time of day from 00:00 to 24:00, in quotes')
  .transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));

const timeZone = z.string().refine(isTimeZone, {
  message: 'is no time zone of the IANA database, such as UTC or Europe/Zurich',
});

/** A time of the week in which certificates are renewed, as a clock on the wall shows it. */
export const maintenanceWindow = z
  .strictObject({
    /** On which the window opens; one that goes over midnight closes on the next day. */
    days: z
      .array(z.enum(weekdays))
      .min(1)
      .default([...weekdays]),
    from: timeOfDay.refine((minutes) => minutes < 1440, {
      message: 'must be before 24:00; midnight is 00:00',
    }),
    to: timeOfDay,
    timeZone: timeZone.default('UTC'),
  })
  .refine(({ from, to }) => from !== to, {
    message: 'is empty: from and to are the same time; a whole day is from 00:00 to 24:00',
  });

export type MaintenanceWindow = z.output<typeof maintenanceWindow>;

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
