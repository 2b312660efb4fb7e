// Drives pusher-js: reads one command a line (JSON) and writes one line (JSON) for everything that happens.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const Pusher = createRequire(process.argv[2] + '/')('pusher-js')
const clients = {}

function say(client, what, rest = {}) {
  console.log(JSON.stringify({ client, what, ...rest }))
}

const commands = {
  connect({ client, key, port, auth, token, user }) {
    const parameters = { headers: { Authorization: `Bearer ${token}` }, params: { user_id: user } }
    const pusher = new Pusher(key, {
      wsHost: '127.0.0.1',
      wsPort: port,
      forceTLS: false,
      enabledTransports: ['ws'],
      enableStats: false,
      cluster: '',
      channelAuthorization: { endpoint: `${auth}/broadcasting/auth`, transport: 'ajax', ...parameters },
      userAuthentication: { endpoint: `${auth}/broadcasting/user-auth`, transport: 'ajax', ...parameters },
    })
    clients[client] = pusher
    pusher.connection.bind('state_change', ({ current }) => say(client, current, { id: pusher.connection.socket_id }))
    pusher.connection.bind('error', (error) => say(client, 'error', { code: error?.data?.code ?? error?.error?.data?.code }))
    pusher.bind('pusher:signin_success', () => say(client, 'signed in'))
    pusher.user.bind_global((event, data) => say(client, 'user event', { event, data }))
  },
  subscribe({ client, channel }) {
    const subscribed = clients[client].subscribe(channel)
    subscribed.bind('client-typing', (data, metadata) => say(client, 'typing', { data, user: metadata?.user_id }))
    subscribed.bind_global((event, data) => {
      if (event === 'pusher:subscription_succeeded' && channel.startsWith('presence-')) {
        say(client, event, { channel, count: data.count, me: data.me, members: data.members })
      } else {
        say(client, event, { channel, data: data ?? null })
      }
    })
  },
  unsubscribe({ client, channel }) {
    clients[client].unsubscribe(channel)
  },
  members({ client, channel }) {
    const { members } = clients[client].channel(channel)
    say(client, 'members', { count: members.count, ids: Object.keys(members.members).sort() })
  },
  trigger({ client, channel, event, data }) {
    say(client, 'triggered', { sent: clients[client].channel(channel).trigger(event, data) })
  },
  signin({ client }) {
    clients[client].signin()
  },
  disconnect({ client }) {
    clients[client].disconnect()
  },
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { run, ...options } = JSON.parse(line)
  commands[run](options)
}).on('close', () => process.exit(0))
