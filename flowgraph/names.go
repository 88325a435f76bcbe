package flowgraph

// ServiceName returns the usual name of the service on a TCP port, or the
// empty string. The names are those that people who run the service use; they
// say nothing of what really listens there.
func ServiceName(port uint16) string { return serviceNames[port] }

var serviceNames = map[uint16]string{
	20: "ftp-data", 21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 53: "dns", 80: "http", 88: "kerberos",
	110: "pop3", 111: "rpcbind", 143: "imap", 179: "bgp", 389: "ldap", 443: "https", 445: "smb", 465: "smtps",
	514: "syslog", 587: "submission", 631: "ipp", 636: "ldaps", 853: "dns-tls", 873: "rsync", 993: "imaps",
	995: "pop3s", 1433: "mssql", 1521: "oracle", 1883: "mqtt", 2049: "nfs", 2181: "zookeeper", 2375: "docker",
	2376: "docker-tls", 2379: "etcd", 2380: "etcd-peer", 3260: "iscsi", 3306: "mysql", 3389: "rdp",
	4222: "nats", 5000: "registry", 5044: "beats", 5060: "sip", 5201: "iperf3", 5222: "xmpp", 5432: "postgresql",
	5672: "amqp", 5900: "vnc", 5984: "couchdb", 6379: "redis", 6443: "kube-api", 6667: "irc", 8080: "http-alt",
	8086: "influxdb", 8123: "clickhouse", 8443: "https-alt", 8500: "consul", 8883: "mqtts", 9042: "cassandra",
	9090: "prometheus", 9092: "kafka", 9100: "node-exporter", 9200: "elasticsearch", 9418: "git",
	10250: "kubelet", 11211: "memcached", 15672: "rabbitmq-ui", 26257: "cockroachdb", 27017: "mongodb",
}
