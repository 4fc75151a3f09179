import { EventStoreError } from '../errors.js'

/** Thrown when an event about a forgotten data subject is appended: nothing was stored. */
export class SubjectForgottenError extends EventStoreError {
  override readonly code = 'EVENTSTORE_SUBJECT_FORGOTTEN'
  constructor(
    readonly subject: string,
    readonly streamId: string,
  ) {
    super(
      `data subject "${subject}" was forgotten, so stream "${streamId}" takes no personal data about it: give whoever comes back a new subject`,
    )
  }
}

/** Thrown when personal data can neither be decrypted nor was its subject forgotten: its key is missing, wrong, or needs another master key. */
export class PersonalDataUnreadableError extends EventStoreError {
  override readonly code = 'EVENTSTORE_PERSONAL_DATA_UNREADABLE'
  constructor(
    readonly subject: string,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(`personal data of subject "${subject}" cannot be read: ${reason}`, options)
  }
}
