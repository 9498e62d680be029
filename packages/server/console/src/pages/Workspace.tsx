import { type JSX, useState } from 'react'
import { CreateDialog } from '../parts/CreateDialog.tsx'
import { Icon } from '../parts/Icon.tsx'
import { Message } from '../parts/Message.tsx'
import { Sidebar } from '../parts/Sidebar.tsx'
import { type Directory, useDirectory } from '../state/directory.ts'
import { usePanel } from '../state/panel.ts'
import { navigate, useRoute } from '../state/route.ts'
import { useOnline } from '../state/online.ts'
import { SessionPage } from './SessionPage.tsx'

/** The sessions beside the one that is open; on a phone one or the other. */
export function Workspace({ directory }: { readonly directory: Directory }): JSX.Element {
  const route = useRoute()
  const [creating, setCreating] = useState(false)
  const { live } = useDirectory(directory)
  const online = useOnline()
  const panel = usePanel(route)
  const covered = panel.kind === 'drawer' && panel.open
  const open = (id: string): void => navigate({ page: 'session', id, observe: false })
  return (
    <div className="shell" data-view={route.page} data-panel={panel.open ? 'open' : 'collapsed'}>
      {(!live || !online) && (
        <div className="connection-bar" role="status">
          {online
            ? 'The server is away. Your sessions go on; this page reconnects by itself.'
            : 'You are offline. Your sessions go on; this page reconnects by itself.'}
        </div>
      )}
      <Sidebar directory={directory} route={route} panel={panel} onCreate={() => setCreating(true)} />
      {covered && <div className="backdrop" onClick={() => panel.setOpen(false)} />}
      <main className="main" tabIndex={-1} data-refuge="" inert={covered}>
        {route.page === 'session' ? (
          <SessionPage
            key={`${route.id} ${route.observe}`}
            directory={directory}
            id={route.id}
            observe={route.observe}
            panel={panel}
            onOpen={open}
          />
        ) : (
          <Message title="No session is open">
            <p className="muted">Pick one from the list, or start a new one.</p>
            <button type="button" className="button primary" onClick={() => setCreating(true)}>
              <Icon name="plus" /> New session
            </button>
          </Message>
        )}
      </main>
      {creating && (
        <CreateDialog
          directory={directory}
          onClose={() => setCreating(false)}
          onCreated={(id) => {
            setCreating(false)
            open(id)
          }}
        />
      )}
    </div>
  )
}
