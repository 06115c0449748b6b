/*
 * For Partyline's option connect, in Node: JSON lines over TCP, to
 * tcp://host:port.
 */
import net from 'node:net';

export function connectTcp(url, on) {
	const { hostname, port } = new URL(url);
	let rest = '', reason = 'closed';

	const socket = net.connect(port, hostname.replace(/[[\]]/g, ''), on.open)
		.setNoDelay().setEncoding('utf8')
		.on('error', e => { reason = e.code; })
		.on('close', () => on.close(reason))
		.on('data', data => {
			const lines = (rest + data).split('\n');
			rest = lines.pop();
			lines.forEach(on.line);
		});
	return {
		send: text => socket.write(text + '\n'),
		close: () => socket.end()
	};
}
