-- Which versions clean-up has removed. Runs that said so were not asked for it: everything is read again.

CREATE TABLE removal (
	uuid VARCHAR COLLATE "C" NOT NULL,
	run VARCHAR COLLATE "C" NOT NULL,
	at VARCHAR COLLATE "C" NOT NULL,
	PRIMARY KEY (uuid, run)
);

TRUNCATE alias, checkpoint, edge, metric, node, promotion, run, run_object, setting, stamp, version, watermark;

INSERT INTO setting (name, value) VALUES ('epoch', md5(random()::text));
