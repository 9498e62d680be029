import { isCliscaleError } from '@cliscale/sdk'
import { TEMPLATE_OVERRIDES, type TemplateInfo } from '@cliscale/sdk/protocol'
import { type FormEvent, type JSX, useEffect, useRef, useState } from 'react'
import {
  type CreateField,
  type CreateForm,
  type CreateProblems,
  EMPTY_FORM,
  opens,
  problemsOf,
  readForm,
} from '../state/create-form.ts'
import type { Directory } from '../state/directory.ts'
import { Dialog } from './Dialog.tsx'
import { RecordingField } from './RecordingField.tsx'
import { commandLine } from './session-name.ts'
import { RestingButton } from './RestingButton.tsx'
import { TextField } from './TextField.tsx'

interface CreateDialogProps {
  readonly directory: Directory
  readonly onClose: () => void
  readonly onCreated: (id: string) => void
}

/** Starts a session from one of the server's templates, with the fields that the template opens. */
export function CreateDialog({ directory, onClose, onCreated }: CreateDialogProps): JSX.Element {
  const templates = useTemplates(directory)
  const [chosen, setChosen] = useState<string>()
  const [form, setForm] = useState<CreateForm>(EMPTY_FORM)
  const [problems, setProblems] = useState<CreateProblems>({})
  const [busy, setBusy] = useState(false)
  const [suggested] = useState(() => directory.suggestName())
  const shown = useRef<HTMLFormElement>(null)
  useEffect(() => {
    if (Object.keys(problems).length === 0) return
    shown.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [problems])
  const template = templates.list?.find(({ name }) => name === chosen) ?? templates.list?.[0]

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault()
    if (template === undefined || busy) return
    const result = readForm({ ...form, name: form.name.trim() || suggested }, template)
    if (result.problems !== undefined) return setProblems(result.problems)
    setBusy(true)
    setProblems({})
    try {
      const session = await directory.create(result.request)
      onCreated(session.id)
    } catch (error) {
      if (!isCliscaleError(error)) throw error
      setProblems(problemsOf(error.message, error.details))
      setBusy(false)
    }
  }

  return (
    <Dialog title="New session" onClose={onClose}>
      {templates.problem !== undefined && (
        <div className="alert" role="alert">
          {templates.problem}
        </div>
      )}
      {template !== undefined && (
        <form ref={shown} className="plain-form" noValidate onSubmit={(event) => void submit(event)}>
          <TemplateChoice templates={templates.list ?? []} chosen={template.name} onChoose={setChosen} />
          <Fields
            template={template}
            suggested={suggested}
            form={form}
            problems={problems}
            onChange={(field, value) => setForm((before) => ({ ...before, [field]: value }))}
          />
          {problems.form !== undefined && (
            <div className="alert" role="alert">
              {problems.form}
            </div>
          )}
          <div className="dialog-actions">
            <button type="button" className="button" onClick={onClose}>
              Cancel
            </button>
            <RestingButton type="submit" className="button primary" resting={busy}>
              {busy ? 'Starting…' : 'Start session'}
            </RestingButton>
          </div>
        </form>
      )}
    </Dialog>
  )
}

interface TemplateChoiceProps {
  readonly templates: readonly TemplateInfo[]
  readonly chosen: string
  readonly onChoose: (name: string) => void
}

function TemplateChoice({ templates, chosen, onChoose }: TemplateChoiceProps): JSX.Element {
  return (
    <fieldset className="field">
      <legend>Template</legend>
      <div className="templates">
        {templates.map((template) => (
          <label key={template.name} className="template">
            <input
              type="radio"
              name="template"
              value={template.name}
              checked={template.name === chosen}
              onChange={() => onChoose(template.name)}
            />
            <span className="name">{template.title}</span>
            <span className="about">{template.description || commandLine(template)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  )
}

interface FieldsProps {
  readonly template: TemplateInfo
  /** The name that it gets when none is typed. */
  readonly suggested: string
  readonly form: CreateForm
  readonly problems: CreateProblems
  readonly onChange: (field: CreateField, value: string) => void
}

function Fields({ template, suggested, form, problems, onChange }: FieldsProps): JSX.Element {
  const open = new Set(TEMPLATE_OVERRIDES.filter((name) => opens(template, name)))
  const field = (
    name: CreateField,
  ): { value: string; problem: string | undefined; onChange: (value: string) => void } => ({
    value: form[name],
    problem: problems[name],
    onChange: (value) => onChange(name, value),
  })
  const more = (['env', 'secrets', 'cwd', 'bundle', 'lifetimeSeconds'] as const).some((name) =>
    open.has(name),
  )
  const troubled = (['env', 'secrets', 'cwd', 'bundleUrl', 'bundleSha256', 'lifetime'] as const).some(
    (name) => problems[name] !== undefined,
  )
  return (
    <>
      <TextField
        label="Name"
        help={`Tells sessions apart. Without one it is called ${suggested}.`}
        placeholder={suggested}
        {...field('name')}
      />
      {(open.has('command') || open.has('args')) && (
        <TextField
          label={open.has('command') ? 'Command' : 'Arguments'}
          placeholder={open.has('command') ? commandLine(template) : template.args.join(' ')}
          mono
          {...field('command')}
        />
      )}
      <RecordingField
        template={template}
        value={form.recording}
        problem={problems.recording}
        onChange={(mode) => onChange('recording', mode)}
      />
      {more && (
        <details className="more" open={troubled || undefined}>
          <summary>More settings</summary>
          {open.has('env') && (
            <TextField label="Environment" placeholder="NAME=value" lines mono {...field('env')} />
          )}
          {open.has('secrets') && (
            <TextField
              label="Secrets"
              help="Environment variables that the server never shows again."
              placeholder="NAME=value"
              lines
              mono
              {...field('secrets')}
            />
          )}
          {open.has('cwd') && (
            <TextField label="Folder" help="Below the session’s work folder." mono {...field('cwd')} />
          )}
          {open.has('bundle') && (
            <>
              <TextField
                label="Bundle"
                help="An archive that is unpacked into the work folder before the command starts."
                placeholder="https://example.com/cli.tar.gz"
                inputMode="url"
                mono
                {...field('bundleUrl')}
              />
              <TextField label="SHA-256 of the bundle" mono {...field('bundleSha256')} />
            </>
          )}
          {open.has('lifetimeSeconds') && (
            <TextField label="Ends after (minutes)" inputMode="numeric" {...field('lifetime')} />
          )}
        </details>
      )}
    </>
  )
}

interface Templates {
  readonly list?: readonly TemplateInfo[]
  readonly problem?: string
}

function useTemplates(directory: Directory): Templates {
  const [templates, setTemplates] = useState<Templates>({})
  useEffect(() => {
    let wanted = true
    directory.client.templates.list().then(
      (list) => {
        if (wanted) setTemplates(list.length > 0 ? { list } : { problem: 'This server has no templates.' })
      },
      (error: unknown) => {
        if (wanted) setTemplates({ problem: error instanceof Error ? error.message : String(error) })
      },
    )
    return () => {
      wanted = false
    }
  }, [directory])
  return templates
}
