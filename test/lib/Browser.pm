package Browser;

# A headless Chromium, for tests of pages.

=head1 SYNOPSIS

	use Browser;

	my $browser = Browser->new;
	$browser->screenshot('crew.html', 'crew.png', width => 390, height => 2000, scheme => 'dark');
	my $facts = $browser->examine($html, width => 390);
	is_deeply([ $browser->complaints ], []);

=cut

use strict;
use warnings;

use Carp;
use File::Temp;
use IPC::Run;
use JSON::PP;

my $script = do { local $/; <DATA> };
my @names = qw(chromium-headless-shell chromium chromium-browser google-chrome-stable google-chrome);

=head1 METHODS

=over

=item Browser->new

The browser that C<CHROMIUM> names, or the first that is on the PATH. Dies where there is none: script/bootstrap installs
one.

=cut

sub new
{
	my ($class) = @_;
	my ($program) = grep { -x } $ENV{CHROMIUM} // (), map { my $name = $_; map { "$_/$name" } split /:/, $ENV{PATH} } @names;
	croak "no Chromium is on the PATH (@names): script/bootstrap installs it, or CHROMIUM names another" if !$program;
	return bless { program => $program, dir => File::Temp->newdir('browser_XXXXXX', TMPDIR => 1), log => '' }, $class;
}

=item $browser->screenshot($page, $image, %view)

Renders the file of a page into a PNG. The view: C<width>, C<height>, C<scheme> (C<light> or C<dark>).

=cut

sub screenshot
{
	my ($self, $page, $image, %view) = @_;
	$self->_run(%view, arguments => [ "--screenshot=$image", "file://$page" ]);
	return;
}

=item $browser->examine($html, %view)

Renders a page in a frame of that width, and tells what a script finds in it, as a hash: C<title>; C<width> of its content;
C<wide>, elements that reach beyond the frame; C<scripts>, C<images> and other things that are loaded; C<background>;
C<faint>, texts of too little contrast (below 4.5) with what is behind them.

=cut

sub examine
{
	my ($self, $html, %view) = @_;
	my $source = $html =~ s/&/&amp;/gr =~ s/"/&quot;/gr;
	my $harness = "$self->{dir}/harness.html";
	open my $file, '>', $harness or croak "could not write $harness: $!";
	print $file qq(<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><iframe id="page" style="border:0;width:$view{width}px;height:3000px" srcdoc="$source"></iframe><pre id="facts"></pre><script>$script</script>);
	close $file or croak "could not write $harness: $!";
	# Chromium gives a window at least 500 pixels; a frame may be narrower.
	my $dom = $self->_run(%view, width => 1400, arguments => [ '--virtual-time-budget=2000', '--dump-dom', "file://$harness" ]);
	my ($facts) = $dom =~ m{<pre id="facts">(.*?)</pre>}s or croak "the page could not be examined: $dom";
	my %character = (lt => '<', gt => '>', amp => '&', quot => '"');
	return JSON::PP->new->utf8->decode($facts =~ s/&(lt|gt|amp|quot);/$character{$1}/gr);
}

=item $browser->complaints

What pages have written to the console so far: errors, and whatever else.

=back

=cut

sub complaints { return $_[0]->{log} =~ /^(.*CONSOLE.*)$/mg }

sub _run
{
	my ($self, %view) = @_;
	my $scheme = ($view{scheme} // 'light') eq 'dark' ? 0 : 1;
	my @command = (
		$self->{program}, qw(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
		  --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --enable-logging=stderr),
		"--user-data-dir=$self->{dir}/profile", "--window-size=$view{width}," . ($view{height} // 3000),
		"--blink-settings=preferredColorScheme=$scheme", @{ $view{arguments} });
	my ($output, $error) = ('', '');
	local $ENV{HOME} = "$self->{dir}";
	IPC::Run::run(\@command, '<', \undef, '>', \$output, '2>', \$error, IPC::Run::timeout(120))
	  or croak "@command: $error";
	$self->{log} .= $error;
	return $output;
}

1;

__DATA__
const frame = document.getElementById('page');
function channels(color) {
  const parts = color.match(/[\d.]+/g).map(Number);
  return parts.length > 3 ? parts : [...parts, 1];
}
function luminance(color) {
  const [r, g, b] = channels(color).slice(0, 3).map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function behind(element, view) {
  for (; element; element = element.parentElement) {
    const color = view.getComputedStyle(element).backgroundColor;
    if (channels(color)[3] > 0) return color;
  }
  return 'rgb(255, 255, 255)';
}
function contrast(a, b) {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}
frame.addEventListener('load', () => {
  const page = frame.contentDocument, view = frame.contentWindow;
  const all = [...page.body.querySelectorAll('*')].filter(e => e.getClientRects().length > 0);
  const says = e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim() !== '');
  const facts = {
    title: page.title,
    width: page.documentElement.scrollWidth,
    wide: all.filter(e => !e.closest('.scroll, svg') && e.getBoundingClientRect().right > view.innerWidth + 1)
      .map(e => e.outerHTML.slice(0, 120)),
    scripts: page.scripts.length,
    loaded: page.querySelectorAll('img, iframe, object, embed, link[rel=stylesheet], source').length,
    handlers: [...page.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length,
    background: view.getComputedStyle(page.body).backgroundColor,
    texts: all.filter(says).length,
    faint: all.filter(says).filter(e => !e.closest('svg'))
      .filter(e => contrast(view.getComputedStyle(e).color, behind(e, view)) < 4.5).map(e => e.outerHTML.slice(0, 120)),
    small: all.filter(says).filter(e => !e.closest('svg')).filter(e => parseFloat(view.getComputedStyle(e).fontSize) < 12)
      .map(e => e.outerHTML.slice(0, 120)),
  };
  document.getElementById('facts').textContent = JSON.stringify(facts);
});
