import { CliscaleTerminal } from '@cliscale/react'
import { TokenSource } from '@cliscale/sdk'
import { type FormEvent, type JSX, useState } from 'react'

// The app's own endpoint: it knows who is signed in, and answers with a one-time token for that person's session.
const access = TokenSource.endpoint('/api/terminal')

export function App(): JSX.Element {
  const [name, setName] = useState<string | null>(null)
  return name === null ? <SignIn onSignedIn={setName} /> : <Workspace name={name} />
}

function SignIn({ onSignedIn }: { onSignedIn: (name: string) => void }): JSX.Element {
  const [problem, setProblem] = useState('')
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault()
    const name = new FormData(event.currentTarget).get('name') as string
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch('/api/sign-in', { method: 'POST', headers, body: JSON.stringify({ name }) })
    if (answer.ok) onSignedIn(name)
    else setProblem('Please give a name of 1 to 40 letters.')
  }
  return (
    <form className="sign-in" onSubmit={(event) => void submit(event)}>
      <h1>A shell for everyone</h1>
      <label>
        Your name
        <input name="name" autoComplete="username" required maxLength={40} />
      </label>
      <button type="submit">Sign in</button>
      <p role="alert">{problem}</p>
    </form>
  )
}

function Workspace({ name }: { name: string }): JSX.Element {
  return (
    <main className="workspace">
      <h1>{name}’s shell</h1>
      <div className="shell">
        <CliscaleTerminal tokenSource={access} theme="dark" autoFocus />
      </div>
    </main>
  )
}
