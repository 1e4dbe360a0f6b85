//! Arguments of the commands that work with files, or with a Tomcat itself.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use mod_jk::tool::httpd_conf::TargetVersion;
use mod_jk::tool::original::OriginalVersion;

use crate::cli::values::{time, version};

/// Which files make up the configuration.
#[derive(Debug, Default, Args)]
pub struct Reading {
    /// Directory for relative paths until the files set ServerRoot; by default the directory of the first
    /// file
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// A name as httpd's -D gives it
    #[arg(short = 'D', value_name = "NAME")]
    pub define: Vec<String>,
    /// Version of httpd that IfVersion sections compare with; by default that of --httpd, or the one mod_jk
    /// was built for
    #[arg(long, value_name = "VERSION", conflicts_with = "httpd", value_parser = version)]
    pub httpd_version: Option<TargetVersion>,
    /// httpd or apachectl, whose version is used
    #[arg(long, value_name = "PROGRAM")]
    pub httpd: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
A workers file replaces the one that JkWorkersFile names, a mount file the JkMountFile of the same \
name, so that files can be checked before they are installed.

In httpd.conf only the directives of mod_jk are checked, with Include, Define, ${...}, VirtualHost, \
Location, IfDefine, IfModule (every module counts as loaded), IfVersion (see --httpd-version) and IfFile.

Examples:
  jkctl check /etc/apache2/apache2.conf
  jkctl check --strict -o json jk.conf workers.properties uriworkermap.properties
  jkctl check --dump /etc/apache2/apache2.conf
  jkctl check --for-original /etc/apache2/apache2.conf")]
pub struct Check {
    /// httpd.conf or parts of it, workers.properties, uriworkermap.properties
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Exit with 1 if there are warnings
    #[arg(long)]
    pub strict: bool,
    /// Print the effective configuration with the origin of each value, as httpd -t -D DUMP_JK does;
    /// problems are printed to the standard error
    #[arg(long)]
    pub dump: bool,
    /// List what the original mod_jk (1.2.48, or VERSION) does not know, before you go back to it: file,
    /// line, name, and what to write instead; exit with 1 if there is anything
    #[arg(
        long,
        value_name = "VERSION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1.2.48",
        conflicts_with_all = ["dump", "strict"],
        value_parser = OriginalVersion::parse
    )]
    pub for_original: Option<OriginalVersion>,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
The effects of other modules are not known: give a rewritten URI as it is after rewriting.

Examples:
  jkctl explain https://www.example.org/shop/x
  jkctl explain -f uriworkermap.properties /shop/x")]
pub struct Explain {
    /// A path as the client sends it, or a URL
    pub uri: String,
    /// httpd.conf, workers.properties or a mount file; by default httpd's usual locations are searched
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Host and optional port of the request; by default that of the URL, or all servers are shown
    #[arg(long, value_name = "HOST[:PORT]")]
    pub vhost: Option<String>,
    /// Show every rule that was compared, not only the closest ones
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
The request is a GET with the header Host, sent as mod_jk sends it. A secret is never printed, and \
never taken from the command line, where every user of the machine could read it.

Examples:
  jkctl ping 10.0.0.5
  jkctl ping 10.0.0.5:8010
  jkctl ping -f /etc/jk/workers.properties app")]
pub struct PingArgs {
    /// host:port, a host (port 8009), unix:/path, or with -f a worker or balancer of the files; without it all
    /// workers of the files
    pub target: Option<String>,
    /// workers.properties, or the httpd.conf that names it
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// File whose first line is the connector's secret; - for the standard input
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// Path of the request
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub uri: String,
    /// Host header of the request
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    pub host: String,
    /// Longest wait for each step
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    pub timeout: Duration,
    /// Also send a request that fills a packet of this size, as a large cookie would
    #[arg(long, value_name = "BYTES")]
    pub packet_size: Option<usize>,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
At the end it asks each Tomcat, as jkctl ping does, says what is left to do, and names the URL that will \
work. Files that exist are never changed but by --server-xml and --enable, which keep the file of before \
beside it; if anything fails, or httpd refuses the configuration, all is as it was. No service is \
restarted. The workers file and the connector's lines hold the secret and can \
be read by their owner and group only.

Examples:
  jkctl init --tomcat localhost --mount /shop
  jkctl init --dir /etc/jk --tomcat n1=10.0.0.5 --tomcat n2=10.0.0.6:8010
  jkctl init --tomcat unix:/run/tomcat/ajp.sock --mount /shop
  jkctl init --dir /etc/jk --tomcat 127.0.0.1 --server-xml /etc/tomcat10/server.xml --enable")]
pub struct Init {
    /// A Tomcat as NAME=HOST:PORT of its AJP connector, name and port are optional, or NAME=unix:/PATH of its socket; several make a balancer
    #[arg(short, long = "tomcat", required = true, value_name = "TOMCAT")]
    pub tomcats: Vec<String>,
    /// Directory for the files
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Path of the application; repeat for several
    #[arg(short, long = "mount", value_name = "PATH", default_value = "/")]
    pub mounts: Vec<String>,
    /// File whose first line is the secret, - for the standard input; by default one is generated
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// No secret, which is safe on loopback addresses only
    #[arg(long, conflicts_with = "secret_file")]
    pub no_secret: bool,
    /// The module's file for LoadModule; by default it is looked for where httpd keeps its modules
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
    /// Add the connector to this server.xml of a Tomcat on this machine; once for each --tomcat, in their order
    #[arg(long, value_name = "FILE")]
    pub server_xml: Vec<PathBuf>,
    /// Have httpd read the files: in DIR, by default /etc/apache2 or /etc/httpd, and test its configuration
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "absent, without a value, and with one")]
    pub enable: Option<Option<PathBuf>>,
    /// Do not ask the Tomcats
    #[arg(long)]
    pub no_ping: bool,
}

/// Which configuration is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConvertTo {
    /// Lines of mod_proxy become workers and rules
    Jk,
    /// Workers and rules become lines of mod_proxy
    Proxy,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Reads httpd.conf with its includes. To jk: ProxyPass, ProxyPassMatch, BalancerMember, ProxySet and the directives \
around them become workers.properties, jk.conf and JkMount lines in the same virtual hosts. To proxy: the other way \
round. Files that change are written as copies, in which all other lines stay as they are and lines that were \
converted begin with \"# jkctl: \".

What has no counterpart is reported on the standard error with file, line, meaning and what to do. Lines of mod_proxy \
that cannot be converted stay with mod_proxy, and the others are excluded from them. The output holds the secrets of \
the files.

Examples:
  jkctl convert /etc/apache2/apache2.conf
  jkctl convert --dir /tmp/converted /etc/apache2/apache2.conf
  jkctl convert --to proxy --dir /tmp/converted /etc/apache2/apache2.conf")]
pub struct Convert {
    /// httpd.conf or parts of it; to proxy also workers.properties and mount files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The configuration to make
    #[arg(long, value_name = "SIDE", default_value = "jk")]
    pub to: ConvertTo,
    /// Directory for the files; by default they are printed
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Overwrite files that exist there
    #[arg(long, requires = "dir")]
    pub force: bool,
    #[command(flatten)]
    pub reading: Reading,
}
